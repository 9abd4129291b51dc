"""What hosts say of themselves, as src/llmdeploy/onhost/facts.py prints it, and hosts that say it."""

from __future__ import annotations

import copy
from typing import Any

from llmdeploy.fleet.facts import Facts, facts_of

GIB = 2**30
NOW = 1_800_000_000.0
FLAGS = "fpu sse4_2 avx avx2 fma f16c"
DEBIAN_13 = {"id": "debian", "version": "13", "codename": "trixie", "name": "Debian GNU/Linux 13 (trixie)"}
SERVER: dict[str, Any] = {
    "os": {"id": "debian", "version": "12", "codename": "bookworm", "name": "Debian GNU/Linux 12 (bookworm)"},
    "kernel": "6.1.0-40-amd64",
    "architecture": "x86_64",
    "python": "3.11.2",
    "systemd": 252,
    "running": "running",
    "root": True,
    "processor": {"cores": 32, "physical_cores": 16, "flags": FLAGS.split()},
    "memory": {"total": 128 * GIB, "available": 100 * GIB, "swap": 0},
    "own_engines": 0,
    "disk": {"store": 500 * GIB, "runtimes": 500 * GIB, "images": 500 * GIB},
    "pci_gpus": 0,
    "listeners": [[22, "ssh.service"]],
    "network": [{"name": "eth0", "mbit": 10000}],
    "time_daemon": "",
    "numa": ["0-31"],
    "ssh_port": 22,
    "boot": "a03a348b-c94e-48dc-a3a0-2c6be1af9fd9",
    "time": NOW,
    "gpus": [],
    "gpu_error": "",
    "artifacts": [],
    "units": [],
}
L40S = {
    "name": "NVIDIA L40S",
    "memory_total": 45 * GIB,
    "memory_free": 44 * GIB,
    "driver": "580.65.06",
    "uuid": "GPU-1",
}


def document(**changes: Any) -> dict[str, Any]:
    """A server's document with `changes`; `memory__available=1` changes what lies one deeper."""
    found = copy.deepcopy(SERVER)
    for key, value in changes.items():
        outer, _, inner = key.partition("__")
        if inner:
            found[outer][inner] = value
        else:
            found[key] = value
    return found


def gpus(count: int) -> list[dict[str, Any]]:
    return [{**L40S, "index": number} for number in range(count)]


def facts(asked: float = NOW - 0.5, answered: float = NOW + 0.5, **changes: Any) -> Facts:
    return facts_of(document(**changes), asked, answered)
