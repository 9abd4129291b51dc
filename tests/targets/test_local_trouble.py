"""What can go wrong on this machine, and what the user is told."""

from __future__ import annotations

import errno
import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from llmdeploy.adapters.supervisor import Supervisor
from llmdeploy.state import StateFolder
from tests.command import SHORT, Result, free_port, llmdeploy
from tests.engine_fixture import MODEL_FILE


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    (tmp_path / "llmdeploy.yaml").write_text(SHORT.format(name="trouble", port=free_port()))
    yield tmp_path
    if (tmp_path / ".llmdeploy" / "trouble").exists():
        assert llmdeploy("down", "--name", "trouble", cwd=tmp_path).exit_code == 0


def up(folder: Path, *more: str) -> Result:
    return llmdeploy("up", "-y", *more, cwd=folder)


def engines_of(folder: Path) -> list[int]:
    lines = ((process.pid, process.info["cmdline"] or []) for process in psutil.process_iter(["cmdline"]))
    return [pid for pid, line in lines if any(str(folder) in part for part in line)]


def test_a_busy_port_is_named_with_its_holder_and_a_free_one(folder: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        result = up(folder, "--port", str(port))
    assert result.exit_code == 4
    assert f"cannot listen on 127.0.0.1:{port}" in result.stderr
    assert f"process {os.getpid()}" in result.stderr
    assert "hint: take another port: `llmdeploy up --port " in result.stderr


@pytest.mark.parametrize("keep", [0, 3, 1000, 2_000_000])
def test_a_truncated_model_is_refused_before_it_is_served(folder: Path, keep: int) -> None:
    (folder / "cut.gguf").write_bytes(MODEL_FILE.read_bytes()[:keep])
    result = up(folder, "--model", "./cut.gguf")
    assert result.exit_code == 5, result.stderr
    assert "cut.gguf" in result.stderr
    assert not engines_of(folder)


def test_a_model_changed_on_disk_is_noticed(folder: Path) -> None:
    shutil.copy(MODEL_FILE, folder / "own.gguf")
    assert up(folder, "--model", "./own.gguf").exit_code == 0
    with (folder / "own.gguf").open("r+b") as file:
        file.seek(-100, os.SEEK_END)
        file.write(b"\x00" * 50)
    result = llmdeploy("up", "-y", "--json", "--model", "./own.gguf", cwd=folder)
    deploy = next(report for report in result.json["reports"] if report["step"] == "deploy")
    assert deploy["data"]["restarted"]


def test_an_engine_that_dies_at_its_start_is_not_restarted_for_ever(folder: Path) -> None:
    broken = bytearray(MODEL_FILE.read_bytes())
    at = broken.index(b"blk.0.attn_q.weight")
    broken[at : at + 5] = b"blk.9"  # the header is sound, and the engine finds a tensor missing
    (folder / "broken.gguf").write_bytes(broken)
    result = up(folder, "--model", "./broken.gguf")
    assert result.exit_code == 5
    assert "the engine ended while it loaded the model" in result.stderr
    assert "llmdeploy logs" in result.stderr
    assert not [pid for pid in engines_of(folder) if "llmdeploy.engines.llamacpp" in psutil.Process(pid).cmdline()]


def test_a_broken_update_leaves_the_old_engine_serving(folder: Path) -> None:
    assert up(folder).exit_code == 0
    broken = MODEL_FILE.read_bytes().replace(b"blk.0.attn_q.weight", b"blk.9.attn_q.weight")
    (folder / "broken.gguf").write_bytes(broken)
    assert up(folder, "--model", "./broken.gguf").exit_code == 5
    deadline = 20
    while llmdeploy("chat", "7*8", cwd=folder).exit_code and deadline:
        deadline -= 1
        subprocess.run(["sleep", "0.2"], check=True)
    assert llmdeploy("chat", "7*8", cwd=folder).stdout == "7 * 8 = 56.\n"


def test_an_engine_that_never_answers_meets_a_deadline(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Deaf:
        name = "llamacpp"
        formats = ("gguf",)

        def __getattr__(self, name: str) -> object:
            from llmdeploy.engines.llamacpp import ENGINE

            return getattr(ENGINE, name)

        def serve(self, plan: object, site: object) -> object:
            from dataclasses import replace

            from llmdeploy.engines.llamacpp import ENGINE

            sleeper = (sys.executable, "-c", "import time; time.sleep(60)", str(folder))
            return replace(ENGINE.serve(plan, site), argv=sleeper)  # type: ignore[arg-type]

    monkeypatch.setattr("llmdeploy.targets.local.serving.engine", lambda name: Deaf())
    with (folder / "llmdeploy.yaml").open("a") as spec:
        spec.write("deploy: {timeout: 2s}\n")
    result = up(folder)
    assert result.exit_code == 5
    assert "the engine did not answer within 2 s" in result.stderr


def test_no_memory_is_exit_3_with_figures(folder: Path) -> None:
    with (folder / "llmdeploy.yaml").open("a") as spec:
        spec.write("resources: {memory: 20MiB}\n")
    result = up(folder)
    assert result.exit_code == 3
    assert "20 MiB" in result.stderr
    assert not engines_of(folder)


def test_a_full_disk_is_told_and_nothing_is_lost(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert up(folder).exit_code == 0
    before = (folder / ".llmdeploy/trouble/plan.json").read_text()

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device", "plan.json")

    monkeypatch.setattr(StateFolder, "save_plan", full)
    result = up(folder)
    assert result.exit_code == 4
    assert "no space left on device: plan.json" in result.stderr
    assert (folder / ".llmdeploy/trouble/plan.json").read_text() == before


def test_a_read_only_folder_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    result = llmdeploy("up", "-y", cwd=tmp_path, variables={"LLMDEPLOY_STATE": str(tmp_path / "file" / "state")})
    assert result.exit_code == 4
    assert "cannot make the state folder" in result.stderr
    assert "LLMDEPLOY_STATE" in result.stderr


def test_other_machines_are_not_served_without_tls(folder: Path) -> None:
    with (folder / "llmdeploy.yaml").open("a") as spec:
        spec.write("# \n")
    text = (folder / "llmdeploy.yaml").read_text().replace("access: {port", "access: {host: 0.0.0.0, port")
    (folder / "llmdeploy.yaml").write_text(text)
    result = up(folder)
    assert result.exit_code == 3
    assert "access.host: 0.0.0.0 is not loopback" in result.stderr


def test_a_second_command_is_refused_within_two_seconds_and_told_who_holds_it(folder: Path) -> None:
    state = StateFolder(folder / ".llmdeploy" / "trouble")
    state.create()
    with state.locked("up"):
        result = up(folder)
    assert result.exit_code == 5
    assert f"deployment trouble is held by `llmdeploy up`, process {os.getpid()}" in result.stderr


def test_down_fails_where_the_port_is_still_held(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert up(folder).exit_code == 0
    port = llmdeploy("prepare", "--json", cwd=folder).json["plan"]["port"]
    stop, held = Supervisor.stop, []

    def stop_and_hold(supervisor: Supervisor) -> bool:
        ended = stop(supervisor)
        held.append(socket.create_server(("127.0.0.1", port)))
        return ended

    monkeypatch.setattr(Supervisor, "stop", stop_and_hold)
    down = llmdeploy("down", cwd=folder)
    held[0].close()
    monkeypatch.undo()
    assert down.exit_code == 5
    assert f"still there: a listener on 127.0.0.1:{port}" in down.stderr


def test_a_gate_that_fails_is_exit_6_names_number_and_bound_and_keeps_the_prober(folder: Path) -> None:
    (folder / "golden.yaml").write_text("cases:\n- {name: wrong, prompt: '7*8', expect: {equals: '57'}}\n")
    text = (folder / "llmdeploy.yaml").read_text().replace("test: {load", "test: {golden: golden.yaml, load")
    (folder / "llmdeploy.yaml").write_text(text)
    result = up(folder)
    assert result.exit_code == 6, result.stderr
    assert "golden" in result.stderr
    assert "bound" in result.stderr
    status = llmdeploy("status", "--json", cwd=folder).json
    assert status["healthy"]
    assert status["prober"] in ("running", "starting")
