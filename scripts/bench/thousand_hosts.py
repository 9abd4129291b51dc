"""How long `llmdeploy prepare` takes for many hosts, and how much memory: facts, sizing and plan.

    .venv/bin/python scripts/bench/thousand_hosts.py [--hosts 1000] [--answer 0.05] [--rounds 3]

The hosts are simulated: in place of ssh stands a small program that answers with a recorded facts document after
`--answer` seconds. Prints one JSON document; times are medians in seconds, memory is the highest of all runs in MiB.
The exit code is 1 where a bound is exceeded: 60 s, 1024 MiB.
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

BOUND_SECONDS, BOUND_MIB = 60.0, 1024.0
GIB = 2**30
SSH = """\
#!/bin/sh
sleep {answer}
exec sed "s/NOW/$(date +%s)/" {facts}
"""
FACTS: dict[str, Any] = {
    "os": {"id": "debian", "version": "12", "codename": "bookworm", "name": "Debian GNU/Linux 12 (bookworm)"},
    "kernel": "6.1.0-40-amd64", "architecture": "x86_64", "python": "3.11.2", "systemd": 252, "running": "running",
    "root": True, "processor": {"cores": 16, "physical_cores": 8, "flags": ["avx", "avx2", "fma", "f16c"]},
    "memory": {"total": 64 * GIB, "available": 60 * GIB, "swap": 0}, "own_engines": 0,
    "disk": {"store": 400 * GIB, "runtimes": 400 * GIB}, "pci_gpus": 0, "listeners": [[22, "ssh.service"]],
    "network": [{"name": "eth0", "mbit": 10000}], "numa": ["0-15"], "ssh_port": 22, "boot": "", "gpus": [],
    "gpu_error": "", "artifacts": [], "units": [],
}  # fmt: skip


def written(folder: Path, hosts: int, answer: float) -> Path:
    """A list of so many hosts, and the program that answers for each."""
    text = json.dumps(FACTS)
    (folder / "facts.json").write_text(f'{text[:-1]}, "time": NOW}}')
    (folder / "bin").mkdir()
    (folder / "bin" / "ssh").write_text(SSH.format(answer=answer, facts=folder / "facts.json"))
    (folder / "bin" / "ssh").chmod(0o755)
    lines = [f"  - {{name: host{number}, address: 10.{number >> 8}.{number & 255}.1}}\n" for number in range(hosts)]
    (folder / "hosts.yaml").write_text("hosts:\n" + "".join(lines))
    return folder


def run(folder: Path) -> tuple[float, float]:
    """(seconds, MiB of the largest process) of one `prepare`."""
    argv = [sys.executable, "-I", "-m", "llmdeploy", "prepare", "--target", "onprem", "--hosts", "hosts.yaml"]
    path = f"{folder / 'bin'}{os.pathsep}{os.environ['PATH']}"
    with (folder / "output").open("w") as output:
        begun = time.perf_counter()
        process = subprocess.Popen(argv, cwd=folder, env={**os.environ, "PATH": path}, stdout=output, stderr=output)
        _, status, usage = os.wait4(process.pid, 0)
        seconds = time.perf_counter() - begun
    if status:
        raise SystemExit((folder / "output").read_text()[-2000:])
    return seconds, usage.ru_maxrss / 1024


def measured(hosts: int, answer: float, rounds: int) -> dict[str, Any]:
    """A first plan, and a second one over the first."""
    first: list[float] = []
    second: list[float] = []
    peak = 0.0
    for _ in range(rounds):
        with tempfile.TemporaryDirectory() as place:
            folder = written(Path(place), hosts, answer)
            for seconds in (first, second):
                took, mib = run(folder)
                seconds.append(took)
                peak = max(peak, mib)
            plan = json.loads((folder / ".llmdeploy/demo/plan.json").read_text())
    return {
        "hosts": hosts,
        "planned": len(plan["hosts"]),
        "answer_s": answer,
        "first_s": round(median(first), 2),
        "second_s": round(median(second), 2),
        "peak_mib": round(peak, 1),
    }


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--hosts", type=int, default=1000)
    parser.add_argument("--answer", type=float, default=0.05, help="seconds that a host takes to answer")
    parser.add_argument("--rounds", type=int, default=3)
    asked = parser.parse_args()
    found = measured(asked.hosts, asked.answer, asked.rounds)
    within = max(found["first_s"], found["second_s"]) <= BOUND_SECONDS and found["peak_mib"] <= BOUND_MIB
    print(json.dumps({**found, "within_bounds": within, "bounds": {"s": BOUND_SECONDS, "mib": BOUND_MIB}}, indent=2))
    return 0 if within else 1


if __name__ == "__main__":
    sys.exit(main())
