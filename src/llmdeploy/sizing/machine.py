"""What a machine has. Dataclasses only: reading them is an adapter's work."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Gpu:
    """One GPU; memory in bytes, as its driver shows it."""

    name: str
    memory_total: int
    memory_free: int
    driver: str


@dataclass(frozen=True)
class Machine:
    """One machine, or what a container is allowed of it.

    `cores` are logical cores that may be used, with a cgroup quota counted (1.5 is possible);
    `physical_cores` leaves out hyper-threads. Memory and disk are in bytes; `memory_available` is what a new
    process can still take, with a cgroup limit counted. `limits` says in words what holds the machine back
    ("cgroup memory limit 2.0 GiB").
    """

    cores: float
    physical_cores: int
    instruction_sets: tuple[str, ...]
    memory_total: int
    memory_available: int
    disk_free: int
    gpus: tuple[Gpu, ...] = ()
    os: str = ""
    architecture: str = ""
    container: bool = False
    limits: tuple[str, ...] = ()
