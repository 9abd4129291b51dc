"""The real supervisord: keeps a program running, and leaves nothing behind."""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from llmdeploy.adapters.supervisor import Program, Supervisor
from tests.waiting import until

SLEEPER = (sys.executable, "-c", "import time; time.sleep(60)")


@pytest.fixture(params=["plain", "odd # ; %s 'name", "deep" * 40])
def supervisor(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Supervisor]:
    state = tmp_path / request.param
    (state / "supervisor").mkdir(parents=True)
    (state / "logs").mkdir()
    made = Supervisor(state / "supervisor")
    made.launch_daemon()
    made.wait_for_daemon()
    yield made
    made.stop()


def pid_of(supervisor: Supervisor, name: str) -> int:
    found = supervisor.process(name)
    return found.pid if found else 0


def test_a_program_runs_until_it_is_stopped_and_only_once(supervisor: Supervisor) -> None:
    odd = Program("sleeper", (*SLEEPER, "a b", "100%", "x ; y # z", "it's"), {"MARK": "50%"})
    assert supervisor.ensure(odd)
    until(lambda: pid_of(supervisor, "sleeper"))
    pid = pid_of(supervisor, "sleeper")
    until(lambda: psutil.Process(pid).cmdline()[-4:] == ["a b", "100%", "x ; y # z", "it's"])
    assert psutil.Process(pid).environ()["MARK"] == "50%"
    assert not supervisor.ensure(odd)
    assert pid_of(supervisor, "sleeper") == pid
    assert supervisor.stop()
    assert not psutil.pid_exists(pid)
    assert not supervisor.stop()


def test_another_description_replaces_the_program(tmp_path: Path) -> None:
    (tmp_path / "supervisor").mkdir()
    (tmp_path / "logs").mkdir()
    supervisor = Supervisor(tmp_path / "supervisor")
    supervisor.launch_daemon()
    supervisor.wait_for_daemon()
    try:
        supervisor.ensure(Program("sleeper", SLEEPER))
        until(lambda: pid_of(supervisor, "sleeper"))
        first, before = pid_of(supervisor, "sleeper"), supervisor.description("sleeper")
        assert supervisor.ensure(Program("sleeper", (*SLEEPER, "other")))
        until(lambda: pid_of(supervisor, "sleeper") not in (0, first))
        supervisor.remove("sleeper")
        assert supervisor.process("sleeper") is None
        supervisor.restore("sleeper", before)
        until(lambda: pid_of(supervisor, "sleeper"))
        assert "other" not in psutil.Process(pid_of(supervisor, "sleeper")).cmdline()
    finally:
        supervisor.stop()


def test_a_killed_program_comes_back_and_a_hopeless_one_backs_off(tmp_path: Path) -> None:
    (tmp_path / "supervisor").mkdir()
    (tmp_path / "logs").mkdir()
    supervisor = Supervisor(tmp_path / "supervisor")
    supervisor.launch_daemon()
    supervisor.wait_for_daemon()
    try:
        supervisor.ensure(Program("sleeper", SLEEPER))
        supervisor.ensure(Program("hopeless", (sys.executable, "-c", "print('no'); raise SystemExit(3)")))
        until(lambda: pid_of(supervisor, "sleeper"))
        killed = pid_of(supervisor, "sleeper")
        os.kill(killed, signal.SIGKILL)
        until(lambda: pid_of(supervisor, "sleeper") not in (0, killed), 3)
        time.sleep(4)
        tries = (tmp_path / "logs" / "hopeless.log").read_text().count("no")
        assert 2 <= tries <= 5, "1 s, 2 s, 3 s, ... between the tries"
    finally:
        supervisor.stop()


def test_a_daemon_that_is_just_starting_is_not_started_twice(tmp_path: Path) -> None:
    (tmp_path / "supervisor").mkdir()
    (tmp_path / "logs").mkdir()
    supervisor = Supervisor(tmp_path / "supervisor")
    assert supervisor.launch_daemon()
    until(lambda: supervisor._daemons())
    assert not supervisor.launch_daemon()
    assert supervisor.stop()
    assert not supervisor.answers()
