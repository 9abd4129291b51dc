"""Tokens/s and TTFT through the deployed endpoint against the bare engine, at concurrency 1, 4 and 16.

    .venv/bin/python scripts/bench/endpoint.py [--rounds 8] [--pairs 4] [--seconds 1]

Both engines stand side by side with the same model, slots, context and threads, fresh in every round; each pair
measures one right after the other, in alternating order, with the same closed loop. Figures are medians of all pairs.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import statistics
import sys
import tempfile
from pathlib import Path
from typing import Any

from measuring import bare_engine, command, free_port, median, spec, state, until_answered

from llmdeploy.adapters.openai_client import ChatRequest, OpenAIClient, Outcome
from llmdeploy.endpoint import Endpoint
from llmdeploy.gates.load_figures import Bounds, loop_figures
from llmdeploy.gates.loops import closed_loop
from llmdeploy.secret import Secret

LEVELS = (1, 4, 16)
Kept = dict[int, dict[str, list[dict[str, float]]]]
PROMPT = "Tell me what a token is, what a KV cache is and what is the capital of France?"


def measure(endpoint: Endpoint, concurrency: int, seconds: float) -> dict[str, float]:
    """Tokens/s and the median TTFT in milliseconds of one closed loop."""
    client = OpenAIClient(endpoint)
    request = ChatRequest.ask(PROMPT, max_tokens=64, extra={"ignore_eos": True})

    async def ask(outcome: Outcome) -> Outcome:
        return await client.stream(request, deadline_s=30, into=outcome)

    figures: dict[str, Any] = loop_figures(asyncio.run(closed_loop(ask, concurrency, seconds, 10)), Bounds())
    if figures["failed"]:
        raise SystemExit(f"requests failed: {figures['failures']}")
    return {"tokens_per_s": figures["tokens_per_s"], "ttft_ms": figures["ttft_ms"]["p50"]}


def compare(bare: Endpoint, deployed: Endpoint, pairs: int, seconds: float, kept: Kept) -> None:
    for level in LEVELS:
        for number in range(pairs):
            order = (("bare", bare), ("deployed", deployed))
            for name, endpoint in order if number % 2 else reversed(order):
                kept[level][name].append(measure(endpoint, level, seconds))


def rows(kept: Kept) -> list[dict[str, Any]]:
    found = []
    for level, sides in kept.items():
        row: dict[str, Any] = {"concurrency": level, "pairs": len(sides["bare"])}
        for figure in ("tokens_per_s", "ttft_ms"):
            ratios = [b[figure] / a[figure] for a, b in zip(sides["bare"], sides["deployed"], strict=True)]
            row[figure] = {name: round(median([one[figure] for one in values]), 2) for name, values in sides.items()}
            row[figure]["median ratio"] = round(median(ratios), 4)
            low, _, high = statistics.quantiles(ratios, n=4)
            row[figure]["middle half of the ratios"] = [round(low, 3), round(high, 3)]
        found.append(row)
    return found


def one_round(kept: Kept, pairs: int, seconds: float) -> None:
    """Both engines fresh: one process is by chance some percent quicker than another of the same kind."""
    with tempfile.TemporaryDirectory() as name:
        folder, port, bare_port = Path(name), free_port(), free_port()
        spec(folder, port, "test: {load: {duration: 300ms}}\n")
        ran = command("up", "-y", cwd=folder)
        if ran.returncode:
            raise SystemExit(ran.stderr)
        key = (state(folder) / "key").read_text().strip()
        try:
            with bare_engine(bare_port, threads=1) as (_, bare_key):
                until_answered(bare_port, bare_key)
                bare = Endpoint(f"http://127.0.0.1:{bare_port}", "demo", Secret(bare_key))
                deployed = Endpoint(f"http://127.0.0.1:{port}", "demo", Secret(key))
                compare(bare, deployed, pairs, seconds, kept)
        finally:
            command("down", cwd=folder)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=8)
    parser.add_argument("--pairs", type=int, default=4)
    parser.add_argument("--seconds", type=float, default=1.0)
    args = parser.parse_args()
    kept: Kept = {level: {"bare": [], "deployed": []} for level in LEVELS}
    for _ in range(args.rounds):
        one_round(kept, args.pairs, args.seconds)
    sys.stdout.write(json.dumps(rows(kept), indent=1) + "\n")


if __name__ == "__main__":
    main()
