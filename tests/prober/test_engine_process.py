"""Who is asked for the engine's process, and what the answer becomes."""

from __future__ import annotations

import os
import stat
from dataclasses import replace
from pathlib import Path

import pytest

from llmdeploy.errors import StepError
from llmdeploy.prober.config import ProberConfig
from llmdeploy.prober.engine_process import EngineProcess, finder
from llmdeploy.prober.sampler import client_of
from tests.prober.watched import Watched


@pytest.fixture
def config(tmp_path: Path) -> ProberConfig:
    return replace(Watched(tmp_path).config, supervisor_folder="")


def systemctl(folder: Path, monkeypatch: pytest.MonkeyPatch, says: str) -> Path:
    """A systemctl that says the same each time and counts how often it was asked."""
    (folder / "bin").mkdir(exist_ok=True)
    program = folder / "bin" / "systemctl"
    program.write_text(f"#!/bin/sh\necho asked >>{folder}/asked\ncat <<'END'\n{says}\nEND\n")
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setenv("PATH", f"{folder / 'bin'}:{os.environ['PATH']}")
    return folder / "asked"


def test_without_unit_and_supervisor_nothing_is_followed(config: ProberConfig) -> None:
    look = EngineProcess(finder(config)).look(0.0)
    assert (look.state, look.process, look.rss) == ("unsupervised", None, None)


def test_the_main_process_of_a_unit_is_followed(
    config: ProberConfig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = systemctl(tmp_path, monkeypatch, f"MainPID={os.getpid()}\nLoadState=loaded\nSubState=running")
    process = EngineProcess(finder(replace(config, unit="engine.service")))
    looks = [process.look(at) for at in (0.0, 1.0, 9.0)]
    assert {look.state for look in looks} == {"RUNNING"}
    assert all(look.process and look.process.pid == os.getpid() and look.rss for look in looks)
    assert asked.read_text().count("asked") == 1


def test_a_unit_that_is_down_is_asked_for_once_a_second(
    config: ProberConfig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = systemctl(tmp_path, monkeypatch, "MainPID=0\nLoadState=loaded\nSubState=auto-restart")
    process = EngineProcess(finder(replace(config, unit="engine.service")))
    looks = [process.look(at / 5) for at in range(11)]
    assert {(look.state, look.process) for look in looks} == {("auto-restart", None)}
    assert asked.read_text().count("asked") == 3


@pytest.mark.parametrize("says", ["MainPID=0\nLoadState=not-found\nSubState=dead", ""])
def test_an_unknown_unit_is_not_an_error(
    config: ProberConfig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, says: str
) -> None:
    systemctl(tmp_path, monkeypatch, says)
    assert EngineProcess(finder(replace(config, unit="gone.service"))).look(0.0).state == "unsupervised"


def test_a_machine_without_systemd_is_not_an_error(config: ProberConfig, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nonexistent")
    assert EngineProcess(finder(replace(config, unit="engine.service"))).look(0.0).state == "unsupervised"


def test_authorities_that_cannot_be_read_are_told(config: ProberConfig) -> None:
    with pytest.raises(StepError, match=r"cannot read the authorities in /nonexistent/ca\.pem"):
        client_of(replace(config, url="https://127.0.0.1:1", ca_file="/nonexistent/ca.pem"))
