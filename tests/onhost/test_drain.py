"""The drain: what it tells HAProxy, how long it waits, and when it does not wait at all."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from llmdeploy.errors import StepError
from llmdeploy.onhost import drain as module
from llmdeploy.onhost.drain import drain, main
from llmdeploy.onhost.rotation import Rotation
from tests.onhost.haproxy_socket import admin_socket


@pytest.fixture(autouse=True)
def short_notice(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "NOTICE_SECONDS", 0.05)


@pytest.fixture
def rotation(tmp_path: Path) -> Rotation:
    return Rotation(tmp_path / "admin.sock", tmp_path / "replica-0.map", "replica-0")


@pytest.fixture
def process() -> Iterator[subprocess.Popen[bytes]]:
    started = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    yield started
    started.kill()
    started.wait()


def test_it_marks_the_replica_and_waits_until_its_sessions_are_over(rotation: Rotation) -> None:
    with admin_socket(rotation.admin, [2, 1, 0]) as haproxy:
        said = drain(rotation, os.getpid(), 10)
    assert said.startswith("drained replica-0 in ")
    assert f"set map {rotation.map} replica-0 yes" in haproxy.said
    assert rotation.map.read_text() == "replica-0 yes\n"
    assert haproxy.map == {"replica-0": "yes"}


def test_a_request_that_comes_in_a_quiet_moment_is_waited_for(rotation: Rotation) -> None:
    with admin_socket(rotation.admin, [0, 0, 1, 1, 0]) as haproxy:
        drain(rotation, os.getpid(), 10)
        looks = [line for line in haproxy.said if line.startswith("show stat")]
    assert len(looks) >= 6


def test_the_time_for_it_is_bounded_and_what_is_cut_off_is_said(rotation: Rotation) -> None:
    began = time.monotonic()
    with admin_socket(rotation.admin, [3]):
        said = drain(rotation, os.getpid(), 0.4)
    assert said == "not drained within 0.4 s: 3 request(s) of replica-0 are cut off"
    assert time.monotonic() - began < 5


def test_without_a_haproxy_it_returns_at_once(rotation: Rotation) -> None:
    assert drain(rotation, os.getpid(), 60) == f"not drained: no HAProxy at {rotation.admin}"


def test_a_socket_that_nobody_listens_on_is_no_haproxy(rotation: Rotation) -> None:
    with admin_socket(rotation.admin, [0]):
        pass
    assert rotation.admin.is_socket()
    assert "no HAProxy" in drain(rotation, os.getpid(), 60)


def test_an_engine_that_has_ended_is_not_drained(
    rotation: Rotation, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("MAINPID", raising=False)
    with admin_socket(rotation.admin, [3]) as haproxy:
        argv = ["--admin", str(rotation.admin), "--map", str(rotation.map), "--replica", "replica-0", "--seconds", "60"]
        assert main(argv) == 0
    assert capsys.readouterr().out == "not drained: the engine has ended already\n"
    assert haproxy.said == []


def test_it_returns_when_the_engine_ends_meanwhile(rotation: Rotation, process: subprocess.Popen[bytes]) -> None:
    def end() -> None:
        process.kill()
        process.wait()  # as systemd does: what is not reaped still answers a signal

    threading.Timer(0.3, end).start()
    with admin_socket(rotation.admin, [3]):
        assert drain(rotation, process.pid, 60) == "the engine ended while it was drained"


def test_a_replica_that_haproxy_does_not_know_is_an_error(rotation: Rotation) -> None:
    stranger = Rotation(rotation.admin, rotation.map, "replica-7")
    with admin_socket(rotation.admin, [0]), pytest.raises(StepError, match=r"does not mark replica-7: entry not found"):
        drain(stranger, os.getpid(), 1)


def test_a_backend_that_haproxy_does_not_have_is_an_error(rotation: Rotation) -> None:
    with admin_socket(rotation.admin, [0], backend="else"), pytest.raises(StepError, match="no backend replica-0"):
        drain(rotation, os.getpid(), 1)
