"""How quick the planner is, and how much memory it takes.

    .venv/bin/python scripts/bench/planner.py [--rounds 15]

Prints one JSON document; times are medians in seconds, memory is the highest of all runs in MiB.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from measuring import median

from llmdeploy.methods.bench import Bench
from llmdeploy.methods.need import Need
from llmdeploy.methods.search import cheapest
from llmdeploy.methods.variant import Variant
from llmdeploy.sizing.catalogue.models import models
from llmdeploy.sizing.quantization import QUANTIZATIONS

SPACE_MODELS, SPACE_INSTANCES = 90, 120
SPACE_QUANTIZATIONS = ("bf16", "fp8", "awq", "int8", "q8_0", "q4_k_m")
NEED = Need(concurrency=16, prompt=500, output=200, ttft=2.0, itl=0.2)
COMMANDS = {
    "prepare, embedded model": ("prepare",),
    "prepare --target auto --model llama-3.3-70b": ("prepare", "--target", "auto", "--model", "llama-3.3-70b"),
    "prepare --target auto --model auto": ("prepare", "--target", "auto", "--model", "auto"),
    "size": ("size", "--model", "llama-3.1-8b", "--accelerator", "h100"),
}


def search_space(count: int | None) -> dict[str, Any]:
    """One search of the cheapest machine for each of `count` models (all of them where it is null), from the data
    files on: reading them counts, importing does not."""
    begun = time.perf_counter()
    known = models()
    chosen = known if count is None else known[:: max(1, len(known) // count)][:count]
    bench = Bench(NEED, chosen[0], known)
    machines = bench.rented if count is None else bench.rented[:SPACE_INSTANCES]
    found = 0
    for model in chosen:
        variants = [Variant(model, QUANTIZATIONS[name], False) for name in SPACE_QUANTIZATIONS]
        found += cheapest(bench.offers, variants, machines, NEED).best is not None
    seconds = time.perf_counter() - begun
    size = len(chosen) * len(machines) * len(SPACE_QUANTIZATIONS)
    return {"seconds": seconds, "models": len(chosen), "instances": len(machines), "combinations": size, "found": found}


def run(arguments: tuple[str, ...]) -> tuple[float, float]:
    """(seconds, MiB at the most) of one command in an empty folder."""
    with tempfile.TemporaryDirectory() as folder:
        argv = [sys.executable, "-I", "-m", "llmdeploy", *arguments]
        begun = time.perf_counter()
        process = subprocess.Popen(argv, cwd=Path(folder), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        _, status, usage = os.wait4(process.pid, 0)
        seconds = time.perf_counter() - begun
    if status:
        raise SystemExit(f"{' '.join(arguments)} failed")
    return seconds, usage.ru_maxrss / 1024


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=15)
    rounds = parser.parse_args().rounds
    spaces = {
        name: [search_space(count) for _ in range(rounds)] for name, count in (("asked", SPACE_MODELS), ("all", None))
    }
    runs = {name: [run(arguments) for _ in range(rounds)] for name, arguments in COMMANDS.items()}
    found = {
        "space": {
            name: {**tries[0], "seconds": median([one["seconds"] for one in tries])} for name, tries in spaces.items()
        },
        "commands": {
            name: {"seconds": median([one[0] for one in tries]), "MiB": max(one[1] for one in tries)}
            for name, tries in runs.items()
        },
    }
    sys.stdout.write(json.dumps(found, indent=1) + "\n")


if __name__ == "__main__":
    main()
