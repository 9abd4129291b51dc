"""What is read of this machine, checked against what the system itself says."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from types import SimpleNamespace

import psutil
import pytest

from llmdeploy.adapters import machine as reading
from llmdeploy.adapters.machine import read_machine


def test_it_agrees_with_the_system(tmp_path: Path) -> None:
    machine = read_machine(tmp_path / "not" / "there" / "yet")
    assert 0 < machine.cores <= (os.cpu_count() or 1)
    assert machine.memory_available <= machine.memory_total <= psutil.virtual_memory().total
    free = psutil.disk_usage(str(tmp_path)).free
    assert abs(machine.disk_free - free) < 0.05 * free
    assert set(machine.instruction_sets) <= set(Path("/proc/cpuinfo").read_text().split())


def files(folder: Path, texts: dict[str, str]) -> None:
    for name, text in texts.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


@pytest.mark.parametrize("version", ["v2", "v1"])
def test_a_container_s_limits_count(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, version: str) -> None:
    """cgroup files as Docker writes them: 2 GiB of which 512 MiB is used and 128 MiB of that page cache; 1.5 cores."""
    if version == "v2":
        own, line = tmp_path / "docker/abc", "0::/docker/abc\n"
        files(own, {"memory.max": f"{2**31}\n", "memory.current": f"{2**29}\n", "cpu.max": "150000 100000\n"})
        files(own, {"memory.stat": f"anon 1\ninactive_file {2**27}\n"})
    else:
        line = "3:cpu,cpuacct:/docker/abc\n2:memory:/docker/abc\n"
        own = tmp_path / "memory/docker/abc"
        files(own, {"memory.limit_in_bytes": f"{2**31}\n", "memory.usage_in_bytes": f"{2**29}\n"})
        files(own, {"memory.stat": f"total_inactive_file {2**27}\n"})
        files(tmp_path / "cpu/docker/abc", {"cpu.cfs_quota_us": "150000\n", "cpu.cfs_period_us": "100000\n"})
    files(tmp_path, {"own": line})
    real = reading._text
    monkeypatch.setattr(reading, "CGROUP", tmp_path)
    monkeypatch.setattr(reading, "_text", lambda path: line if str(path) == "/proc/self/cgroup" else real(path))
    machine = read_machine(tmp_path)
    assert machine.memory_total == 2**31
    assert machine.memory_available <= 2**31 - 2**29 + 2**27
    assert machine.cores == min(1.5, float(len(os.sched_getaffinity(0))))
    assert "cgroup memory limit 2.0 GiB" in machine.limits


class FakeNvml:
    """Answers as NVML does on a machine with one H100; there is none in tests."""

    class NVMLError_LibraryNotFound(Exception):  # noqa: N801, N818 - NVML's own name
        pass

    def __init__(self, loads: bool) -> None:
        self.loads, self.open = loads, 0

    def nvmlInit(self) -> None:  # noqa: N802
        if not self.loads:
            raise self.NVMLError_LibraryNotFound
        self.open += 1

    def nvmlShutdown(self) -> None:  # noqa: N802
        self.open -= 1

    def nvmlDeviceGetCount(self) -> int:  # noqa: N802
        return 1

    def nvmlDeviceGetHandleByIndex(self, index: int) -> int:  # noqa: N802
        return index

    def nvmlDeviceGetName(self, handle: int) -> str:  # noqa: N802
        return "NVIDIA H100 80GB HBM3"

    def nvmlSystemGetDriverVersion(self) -> str:  # noqa: N802
        return "580.65.06"

    def nvmlDeviceGetMemoryInfo(self, handle: int) -> SimpleNamespace:  # noqa: N802
        return SimpleNamespace(total=80 * 2**30, free=79 * 2**30)


@pytest.mark.parametrize("loads", [True, False])
def test_gpus_are_asked_for_where_a_driver_is(monkeypatch: pytest.MonkeyPatch, loads: bool) -> None:
    fake = FakeNvml(loads)
    monkeypatch.setitem(sys.modules, "pynvml", fake)
    monkeypatch.setattr(reading, "DRIVER_SIGNS", (__file__,))
    found = reading.read_gpus()
    assert fake.open == 0, "the library is let go again"
    assert [(gpu.name, gpu.memory_free, gpu.driver) for gpu in found] == (
        [("NVIDIA H100 80GB HBM3", 79 * 2**30, "580.65.06")] if loads else []
    )


def test_no_driver_no_question(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "DRIVER_SIGNS", ("/no/such/driver",))
    monkeypatch.setitem(sys.modules, "pynvml", None)  # importing it would fail
    assert reading.read_gpus() == ()
