"""How quick the commands are: `--version` and `--help` against a bare Python, `up` against the bare engine.

    .venv/bin/python scripts/bench/startup.py [--rounds 15]

Prints one JSON document; figures are medians, in seconds.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from measuring import bare_engine, command, free_port, median, seconds, spec, until_answered

GATES = "test"


def commands(rounds: int) -> dict[str, float]:
    """Medians of alternating runs, so that a drift of the machine meets all alike."""
    here = Path.cwd()
    times: dict[str, list[float]] = {"bare python": [], "--version": [], "--help": [], "scripts/llmdeploy": []}
    asked = [str(Path(__file__).parents[1] / "llmdeploy"), "--version"]
    for _ in range(rounds):
        times["bare python"].append(seconds(lambda: subprocess.run([sys.executable, "-c", "pass"], check=True)))
        times["--version"].append(seconds(lambda: command("--version", cwd=here)))
        times["--help"].append(seconds(lambda: command("--help", cwd=here)))
        times["scripts/llmdeploy"].append(seconds(lambda: subprocess.run(asked, check=True, capture_output=True)))
    found = {name: median(values) for name, values in times.items()}
    bare = found["bare python"]
    ratios = {"version ratio": found["--version"] / bare, "help ratio": found["--help"] / bare}
    return {**found, **ratios, "scripts/llmdeploy adds": found["scripts/llmdeploy"] - found["--version"]}


def bare_start(threads: int) -> float:
    """From starting the process to its first answer; the stop does not count."""
    port = free_port()
    begun = time.perf_counter()
    with bare_engine(port, threads) as (_, key):
        until_answered(port, key)
        return time.perf_counter() - begun


def first_and_second_up(folder: Path) -> dict[str, Any]:
    spec(folder, free_port())
    outcome: dict[str, Any] = {}
    for name in ("first", "second"):
        begun = time.perf_counter()
        document = json.loads(command("up", "-y", "--json", cwd=folder).stdout)
        wall = time.perf_counter() - begun
        steps = {report["step"]: report["seconds"] for report in document["reports"]}
        outcome[name] = {"wall": wall, "without gates": wall - steps[GATES], "steps": steps, "ok": document["ok"]}
    command("down", "--purge", cwd=folder)
    return outcome


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=15)
    rounds = parser.parse_args().rounds
    bare, ups = [], []
    for _ in range(max(3, rounds // 3)):
        bare.append(bare_start(threads=1))
        with tempfile.TemporaryDirectory() as folder:
            ups.append(first_and_second_up(Path(folder)))
    engine = median(bare)
    without_gates = median([up["first"]["without gates"] for up in ups])
    found = {
        "commands": commands(rounds),
        "bare engine, start and one answer": engine,
        "first up": median([up["first"]["wall"] for up in ups]),
        "first up without gates": without_gates,
        "ratio to the bare engine": without_gates / engine,
        "second up": median([up["second"]["wall"] for up in ups]),
        "steps of the last first up": ups[-1]["first"]["steps"],
        "all ok": all(up[name]["ok"] for up in ups for name in ("first", "second")),
    }
    sys.stdout.write(json.dumps(found, indent=1) + "\n")


if __name__ == "__main__":
    main()
