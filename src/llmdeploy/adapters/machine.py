"""Reads what this machine has, and what of it is free. Containers' limits count."""

from __future__ import annotations

import math
import os
import platform
from pathlib import Path

from llmdeploy.sizing.machine import Gpu, Machine

INSTRUCTION_SETS = (
    "sse4_2",
    "avx",
    "avx2",
    "fma",
    "f16c",
    "avx512f",
    "avx512_vnni",
    "amx_tile",
    "asimd",
    "sve",
)
DRIVER_SIGNS = ("/dev/nvidiactl", "/dev/dxg", "/proc/driver/nvidia")  # Linux, WSL
CGROUP = Path("/sys/fs/cgroup")
UNLIMITED = 1 << 60  # cgroup v1 writes a number of this order for "no limit"


def read_machine(disk: Path) -> Machine:
    """The machine as it is now; `disk` is a path whose file system's free space counts."""
    import psutil

    memory = psutil.virtual_memory()
    total, available, limits = memory.total, memory.available, []
    bound = _memory_limit()
    if bound and bound[0] < total:
        total, available = bound[0], min(available, bound[0] - bound[1])
        limits.append(f"cgroup memory limit {total / 2**30:.1f} GiB")
    cores = float(len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1)
    quota = _cpu_limit()
    if quota and quota < cores:
        cores = quota
        limits.append(f"cgroup CPU limit {cores:g} cores")
    return Machine(
        cores=cores,
        physical_cores=psutil.cpu_count(logical=False) or max(1, math.floor(cores)),
        instruction_sets=_instruction_sets(),
        memory_total=total,
        memory_available=max(0, available),
        disk_free=_disk_free(disk),
        gpus=read_gpus(),
        os=_os_name(),
        architecture=platform.machine(),
        container=_in_container(),
        limits=tuple(limits),
    )


def read_gpus() -> tuple[Gpu, ...]:
    """NVIDIA GPUs through NVML; none where no NVIDIA driver is loaded."""
    if not any(Path(sign).exists() for sign in DRIVER_SIGNS):
        return ()
    import pynvml

    try:
        pynvml.nvmlInit()
    except pynvml.NVMLError_LibraryNotFound:
        return ()
    try:
        return tuple(_gpu(index) for index in range(pynvml.nvmlDeviceGetCount()))
    finally:
        pynvml.nvmlShutdown()


def _gpu(index: int) -> Gpu:
    import pynvml

    handle = pynvml.nvmlDeviceGetHandleByIndex(index)
    memory = pynvml.nvmlDeviceGetMemoryInfo(handle)
    return Gpu(
        name=pynvml.nvmlDeviceGetName(handle),
        memory_total=memory.total,
        memory_free=memory.free,
        driver=pynvml.nvmlSystemGetDriverVersion(),
    )


def _memory_limit() -> tuple[int, int] | None:
    """(limit, used without page cache) in bytes of the tightest cgroup that we are in, v2 then v1."""
    found = []
    for folder in _own_cgroups("", "memory"):
        limit = _number(folder / "memory.max") or _number(folder / "memory.limit_in_bytes")
        if not limit or limit >= UNLIMITED:
            continue
        used = _number(folder / "memory.current") or _number(folder / "memory.usage_in_bytes") or 0
        found.append((limit, max(0, used - _page_cache(folder))))
    return min(found, key=lambda pair: pair[0] - pair[1], default=None)


def _cpu_limit() -> float | None:
    found = []
    for folder in _own_cgroups("", "cpu"):
        text = _text(folder / "cpu.max").split()
        if len(text) == 2 and text[0].isdigit():
            found.append(int(text[0]) / int(text[1]))
        quota, period = _number(folder / "cpu.cfs_quota_us"), _number(folder / "cpu.cfs_period_us")
        if quota and period and quota > 0:
            found.append(quota / period)
    return min(found, default=None)


def _own_cgroups(*controllers: str) -> list[Path]:
    """Our cgroup's folder in each named hierarchy and all folders above it ("" is v2)."""
    folders = []
    for line in _text(Path("/proc/self/cgroup")).splitlines():
        _, names, path = line.split(":", 2)
        wanted = [name for name in controllers if name in names.split(",")]
        if not wanted:
            continue
        mount = CGROUP / wanted[0] if wanted[0] else _v2_mount()
        own = mount / path.lstrip("/")
        folders += [folder for folder in (own, *own.parents) if folder == mount or mount in folder.parents]
    return folders


def _v2_mount() -> Path:
    return CGROUP / "unified" if (CGROUP / "unified").is_dir() else CGROUP


def _page_cache(folder: Path) -> int:
    for line in _text(folder / "memory.stat").splitlines():
        name, _, value = line.partition(" ")
        if name in ("inactive_file", "total_inactive_file"):
            return int(value)
    return 0


def _instruction_sets() -> tuple[str, ...]:
    for line in _text(Path("/proc/cpuinfo")).splitlines():
        if line.startswith(("flags", "Features")):
            flags = set(line.split(":", 1)[1].split())
            return tuple(name for name in INSTRUCTION_SETS if name in flags)
    return ()


def _disk_free(path: Path) -> int:
    while not path.exists():
        path = path.parent
    found = os.statvfs(path)
    return found.f_bavail * found.f_frsize


def _os_name() -> str:
    try:
        return platform.freedesktop_os_release()["PRETTY_NAME"]
    except OSError:
        return f"{platform.system()} {platform.release()}"


def _in_container() -> bool:
    return Path("/.dockerenv").exists() or Path("/run/.containerenv").exists() or "container" in os.environ


def _number(path: Path) -> int | None:
    text = _text(path).strip()
    return int(text) if text.lstrip("-").isdigit() else None


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
