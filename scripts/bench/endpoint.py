"""Tokens/s and TTFT through the deployed endpoint against the bare engine, at concurrency 1, 4 and 16.

    .venv/bin/python scripts/bench/endpoint.py [--pairs 9] [--seconds 2]

Both engines stand side by side with the same model, slots, context and threads; each pair measures one right after the
other, in alternating order, with the same closed loop. Figures are medians of the paired ratios.
"""

from __future__ import annotations

import argparse
import asyncio
import json
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


def compare(bare: Endpoint, deployed: Endpoint, pairs: int, seconds: float) -> list[dict[str, Any]]:
    rows = []
    for level in LEVELS:
        kept: dict[str, list[dict[str, float]]] = {"bare": [], "deployed": []}
        for number in range(pairs):
            order = (("bare", bare), ("deployed", deployed))
            for name, endpoint in order if number % 2 else reversed(order):
                kept[name].append(measure(endpoint, level, seconds))
        row: dict[str, Any] = {"concurrency": level, "pairs": pairs}
        for figure in ("tokens_per_s", "ttft_ms"):
            ratios = [b[figure] / a[figure] for a, b in zip(kept["bare"], kept["deployed"], strict=True)]
            row[figure] = {name: round(median([one[figure] for one in values]), 2) for name, values in kept.items()}
            row[figure]["median ratio"] = round(median(ratios), 4)
            row[figure]["ratios"] = [round(ratio, 3) for ratio in sorted(ratios)]
        rows.append(row)
    return rows


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--pairs", type=int, default=9)
    parser.add_argument("--seconds", type=float, default=2.0)
    args = parser.parse_args()
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
                rows = compare(bare, deployed, args.pairs, args.seconds)
        finally:
            command("down", cwd=folder)
    sys.stdout.write(json.dumps(rows, indent=1) + "\n")


if __name__ == "__main__":
    main()
