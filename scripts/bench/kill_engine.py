"""SIGKILL of the engine: how long until the endpoint answers again.

.venv/bin/python scripts/bench/kill_engine.py [--rounds 10]
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import sys
import tempfile
import time
from pathlib import Path

from measuring import command, free_port, median, spec, state, until_answered


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=10)
    rounds = parser.parse_args().rounds
    gaps = []
    with tempfile.TemporaryDirectory() as name:
        folder, port = Path(name), free_port()
        spec(folder, port, "test: {load: {duration: 300ms}}\n")
        command("up", "-y", cwd=folder)
        key = (state(folder) / "key").read_text().strip()
        for number in range(rounds):
            time.sleep(1.0 + number * 0.13)
            pid = json.loads(command("status", "--json", cwd=folder).stdout)["pid"]
            begun = time.perf_counter()
            os.kill(pid, signal.SIGKILL)
            until_answered(port, key)
            gaps.append(time.perf_counter() - begun)
        shown = command("monitor", cwd=folder).stdout
        command("down", cwd=folder)
    found = {"rounds": rounds, "median": median(gaps), "longest": max(gaps), "monitor shows": shown.splitlines()}
    sys.stdout.write(json.dumps(found, indent=1) + "\n")


if __name__ == "__main__":
    main()
