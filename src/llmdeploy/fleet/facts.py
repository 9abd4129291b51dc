"""What a host said of itself, as the rest of the code reads it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from llmdeploy.sizing.machine import Gpu, Machine

INSTRUCTION_SETS = ("sse4_2", "avx", "avx2", "fma", "f16c", "avx512f", "avx512_vnni", "amx_tile", "asimd", "sve")


@dataclass(frozen=True)
class Facts:
    """One host as found. `skew` is how far its clock is ahead of ours, in seconds, known to within `skew_error`.

    `listeners` are TCP ports with the systemd unit that holds each (empty: none, or not to be known). `gpu_error` is
    what the driver answered in place of GPUs; `pci_gpus` counts NVIDIA GPUs on the bus, driver or not. `own_engines`
    is in bytes.
    """

    os: str
    os_name: str
    kernel: str
    python: tuple[int, ...]
    systemd: int
    running: str
    machine: Machine
    own_engines: int
    disk_runtimes: int
    disk_images: int
    pci_gpus: int
    gpu_error: str
    listeners: tuple[tuple[int, str], ...]
    numa: tuple[str, ...]
    interfaces: tuple[tuple[str, int], ...]
    artifacts: frozenset[str]
    units: tuple[str, ...]
    time_daemon: str
    ssh_port: int
    skew: float
    skew_error: float


def facts_of(data: dict[str, Any], asked: float, answered: float) -> Facts:
    """The document of onhost/facts.py, asked for and answered at these epoch seconds."""
    system = data["os"]
    return Facts(
        os=f"{system['id']} {system['version']}".strip(),
        os_name=system["name"],
        kernel=data["kernel"],
        python=tuple(int(part) for part in data["python"].split(".")[:2]),
        systemd=data["systemd"],
        running=data["running"],
        machine=_machine(data),
        own_engines=data["own_engines"],
        disk_runtimes=data["disk"]["runtimes"],
        disk_images=data["disk"].get("images", data["disk"]["runtimes"]),  # older answers lack it
        pci_gpus=data["pci_gpus"],
        gpu_error=data["gpu_error"],
        listeners=tuple((int(port), str(unit)) for port, unit in data["listeners"]),
        numa=tuple(data["numa"]),
        interfaces=tuple((one["name"], one["mbit"]) for one in data["network"]),
        artifacts=frozenset(data["artifacts"]),
        units=tuple(data["units"]),
        time_daemon=data.get("time_daemon", ""),
        ssh_port=data["ssh_port"],
        skew=data["time"] - (asked + answered) / 2,
        skew_error=(answered - asked) / 2,
    )


def _machine(data: dict[str, Any]) -> Machine:
    processor, memory = data["processor"], data["memory"]
    flags = set(processor["flags"])
    return Machine(
        cores=float(processor["cores"]),
        physical_cores=processor["physical_cores"],
        instruction_sets=tuple(name for name in INSTRUCTION_SETS if name in flags),
        memory_total=memory["total"],
        memory_available=memory["available"],
        disk_free=data["disk"]["store"],
        gpus=tuple(_gpu(one) for one in data["gpus"]),
        os=data["os"]["name"],
        architecture=data["architecture"],
    )


def _gpu(one: dict[str, Any]) -> Gpu:
    """What our own engines hold of it counts as free: a new plan may have it again."""
    return Gpu(one["name"], one["memory_total"], one["memory_free"] + one.get("own", 0), one["driver"])


def described(facts: Facts) -> str:
    """One line: system, cores, what is free, GPUs, network."""
    machine, gib = facts.machine, 2**30
    gpus = ", ".join(gpu.name for gpu in machine.gpus) or (
        f"{facts.pci_gpus} GPU(s) without driver" if facts.pci_gpus else "no GPU"
    )
    speed = max((mbit for _, mbit in facts.interfaces), default=0)
    network = f", {speed / 1000:g} Gbit/s" if speed > 0 else ""
    nodes = f" on {len(facts.numa)} NUMA nodes" if len(facts.numa) > 1 else ""
    return (
        f"{facts.os_name}, {machine.cores:g} cores{nodes}, {machine.memory_available / gib:.1f} of "
        f"{machine.memory_total / gib:.1f} GiB memory free, {machine.disk_free / gib:.0f} GiB disk free, "
        f"{gpus}{network}"
    )
