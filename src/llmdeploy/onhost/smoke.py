"""The test that a replica passes before requests come to it: it speaks the API, wants its key, and answers rightly."""

from __future__ import annotations

import argparse
import asyncio
import sys
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from time import perf_counter

from llmdeploy.adapters.openai_client import RequestError
from llmdeploy.endpoint import Endpoint
from llmdeploy.errors import ExitCode, LlmdeployError
from llmdeploy.gates.cases import Case, load_cases
from llmdeploy.gates.golden import run_golden
from llmdeploy.gates.smoke import Finding, Smoke
from llmdeploy.onhost import replica


def some(cases: Sequence[Case], count: int) -> Sequence[Case]:
    """`count` cases, evenly out of all, so that one kind of question at the front does not stand for the others."""
    if count <= 0 or count >= len(cases):
        return cases
    return [cases[index * len(cases) // count] for index in range(count)]


async def smoke(endpoint: Endpoint, cases: Sequence[Case], min_accuracy: float, seconds: float) -> str:
    """What it missed, in one line; empty when it passed."""
    end = perf_counter() + seconds
    asked = Smoke(endpoint, 0, None)
    looks: list[tuple[str, Callable[[float], Awaitable[Finding]]]] = [
        ("health", asked.health),
        ("models", asked.models),
        ("chat", asked.chat),
        ("chat without a key", asked.no_key),
    ]
    for name, look in looks:
        try:
            passed, value, detail = await look(end - perf_counter())
        except RequestError as error:
            passed, value, detail = False, error.reason, error.hint
        if not passed:
            return f"{name}: {value}{f' ({detail})' if detail else ''}"
    if not cases:
        return ""
    check = (await run_golden(endpoint, cases, min_accuracy, deadline_s=end - perf_counter())).checks[0]
    return "" if check.passed else f"golden {check.name} {check.value}, wanted {check.bound}: {check.detail}"


def main(argv: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="llmdeploy.onhost.smoke", allow_abbrev=False)
    replica.add_arguments(parser)
    parser.add_argument("--golden", type=Path, help="file of prompts and what their answers must be like")
    parser.add_argument("--cases", type=int, default=8, help="how many of them are asked; 0: all")
    parser.add_argument("--min-accuracy", type=float, default=1.0)
    args = parser.parse_args(argv)
    try:
        cases = some(load_cases(args.golden), args.cases) if args.golden else ()
        missed = asyncio.run(smoke(replica.endpoint(args), cases, args.min_accuracy, args.seconds))
    except LlmdeployError as error:
        sys.stderr.write(f"smoke: {' '.join(error.message.split())}\n")
        return int(error.exit_code)
    if missed:
        sys.stderr.write(f"smoke: {' '.join(missed.split())}\n")
        return int(ExitCode.GATE)
    sys.stdout.write(f"smoke passed, {len(cases)} golden prompt(s)\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
