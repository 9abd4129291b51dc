"""`up` stopped in the middle, by Ctrl-C or by SIGKILL: the next one goes on and ends in the same state."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from llmdeploy.journal import read_journal
from tests.checkout import ROOT
from tests.command import SHORT, free_port, llmdeploy

BENCH = ROOT / "scripts" / "bench"


def start(folder: Path) -> subprocess.Popen[str]:
    argv = [sys.executable, "-I", "-m", "llmdeploy", "up", "-y"]
    return subprocess.Popen(argv, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_interrupted_is_exit_130_with_a_readable_state(tmp_path: Path, number: signal.Signals) -> None:
    spec = SHORT.format(name="cut", port=free_port()).replace("300ms", "20s")
    (tmp_path / "llmdeploy.yaml").write_text(spec)
    process = start(tmp_path)
    try:
        assert process.stderr
        for line in process.stderr:
            if line.startswith("test"):
                break
        time.sleep(1)
        process.send_signal(number)
        _, said = process.communicate(timeout=10)
        assert process.returncode == 130
        assert "interrupted" in said
        last = [event for event in read_journal(tmp_path / ".llmdeploy/cut/journal.jsonl") if "exit_code" in event]
        assert last[-1]["exit_code"] == 130
        assert "interrupted" in (tmp_path / ".llmdeploy/cut/report.html").read_text()
        assert llmdeploy("status", cwd=tmp_path).exit_code == 0
    finally:
        process.kill()
        assert llmdeploy("down", cwd=tmp_path).exit_code == 0


def test_killed_at_several_moments_it_always_ends_the_same() -> None:
    """The benchmark with few moments; scripts/bench/kill_up.py takes thirty."""
    argv = [sys.executable, str(BENCH / "kill_up.py"), "--moments", "6"]
    ran = subprocess.run(argv, capture_output=True, text=True, timeout=180)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    found = json.loads(ran.stdout)
    assert found["different ends"] == 1
    assert found["clean after down"]


def test_a_home_that_cannot_be_written_is_not_missed(tmp_path: Path) -> None:
    (tmp_path / "llmdeploy.yaml").write_text(SHORT.format(name="homeless", port=free_port()))
    environment = {**os.environ, "HOME": "/proc/nowhere", "XDG_CACHE_HOME": "/proc/nowhere"}
    argv = [sys.executable, "-I", "-m", "llmdeploy", "up", "-y"]
    try:
        ran = subprocess.run(argv, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=60)
        assert ran.returncode == 0, ran.stderr
    finally:
        assert llmdeploy("down", cwd=tmp_path).exit_code == 0


def test_the_terminal_may_close(tmp_path: Path) -> None:
    """The engine goes on when the shell that started it is gone."""
    (tmp_path / "llmdeploy.yaml").write_text(SHORT.format(name="closed", port=free_port()))
    shell = subprocess.Popen(
        ["bash", "-c", f"{sys.executable} -I -m llmdeploy up -y; sleep 60"],
        cwd=tmp_path,
        start_new_session=True,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        deadline = time.monotonic() + 30
        while not (tmp_path / ".llmdeploy/closed/prober.port").exists():
            assert time.monotonic() < deadline
            time.sleep(0.1)
        time.sleep(0.5)
        group = psutil.Process(shell.pid)
        for process in [*group.children(recursive=True), group]:
            process.send_signal(signal.SIGHUP)
        time.sleep(0.5)
        shell.kill()
        assert llmdeploy("chat", "7*8", cwd=tmp_path).stdout == "7 * 8 = 56.\n"
    finally:
        assert llmdeploy("down", cwd=tmp_path).exit_code == 0
