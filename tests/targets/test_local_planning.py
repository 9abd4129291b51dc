"""Plans on machines that are not this one: what prepare says of them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from llmdeploy.sizing.machine import Gpu, Machine
from tests.command import llmdeploy

MIB, GIB = 2**20, 2**30
SERVER = Machine(
    cores=32.0,
    physical_cores=16,
    instruction_sets=("avx2", "fma", "f16c"),
    memory_total=128 * GIB,
    memory_available=100 * GIB,
    disk_free=500 * GIB,
    gpus=(),
    os="Debian GNU/Linux 12 (bookworm)",
    architecture="x86_64",
    container=False,
    limits=(),
)


@pytest.fixture
def on(monkeypatch: pytest.MonkeyPatch) -> object:
    def use(machine: Machine) -> None:
        monkeypatch.setattr("llmdeploy.targets.local.planning.read_machine", lambda _: machine)

    return use


def plan(tmp_path: Path, *args: str) -> dict[str, object]:
    result = llmdeploy("prepare", "--json", *args, cwd=tmp_path)
    assert result.exit_code == 0, result.stdout
    found: dict[str, object] = result.json["plan"]
    return found


def test_a_large_model_takes_the_physical_cores_and_the_slots_asked_for(tmp_path: Path, on: object) -> None:
    on(SERVER)  # type: ignore[operator]
    found = plan(tmp_path, "--model", "qwen3-8b")
    assert (found["threads"], found["slots"], found["engine"]) == (16, 4, "llamacpp")
    assert any("physical" in reason or "cores" in reason for reason in found["reasons"])  # type: ignore[attr-defined]


def test_a_gpu_that_is_not_used_is_said(tmp_path: Path, on: object) -> None:
    on(replace(SERVER, gpus=(Gpu("NVIDIA L4", 24 * GIB, 23 * GIB, "580.65.06"),)))  # type: ignore[operator]
    warnings = plan(tmp_path)["warnings"]
    assert any("NVIDIA L4 is not used" in warning for warning in warnings)  # type: ignore[attr-defined]


def test_a_model_too_large_is_refused_with_figures_and_what_would_fit(tmp_path: Path, on: object) -> None:
    on(replace(SERVER, memory_available=3 * GIB, memory_total=4 * GIB))  # type: ignore[operator]
    result = llmdeploy("prepare", "--model", "qwen3-8b", cwd=tmp_path)
    assert result.exit_code == 3
    assert "GiB" in result.stderr
    assert "hint: --model " in result.stderr


def test_less_memory_than_asked_for_means_fewer_slots_and_says_so(tmp_path: Path, on: object) -> None:
    on(SERVER)  # type: ignore[operator]
    (tmp_path / "llmdeploy.yaml").write_text(
        "model: qwen3-8b\nresources: {memory: 6GiB}\nworkload: {concurrency: 16}\n"
    )
    found = plan(tmp_path)
    assert 1 <= found["slots"] < 16  # type: ignore[operator]
    assert any("what memory allows" in reason for reason in found["reasons"])  # type: ignore[attr-defined]
    assert any("wait for a slot" in warning for warning in found["warnings"])  # type: ignore[attr-defined]


def test_the_plan_of_a_running_service_is_kept_while_it_fits(tmp_path: Path, on: object) -> None:
    on(SERVER)  # type: ignore[operator]
    first = plan(tmp_path, "--model", "qwen3-8b")
    on(replace(SERVER, cores=8.0, physical_cores=8))  # type: ignore[operator]
    again = plan(tmp_path, "--model", "qwen3-8b")
    assert again["digest"] == first["digest"]
    on(replace(SERVER, memory_available=5_800 * MIB))  # type: ignore[operator]
    assert plan(tmp_path, "--model", "qwen3-8b")["digest"] != first["digest"]
