"""What is read of this machine, checked against what the system itself says."""

from __future__ import annotations

import os
from pathlib import Path

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
