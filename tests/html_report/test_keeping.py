"""The files of a report: private, whole, the newest at hand, and not more than a few."""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path

import pytest

from llmdeploy.html_report import write_report
from llmdeploy.html_report.keeping import RUNS_KEPT
from llmdeploy.report import Report
from tests.html_report import examples

LATER = "20261123-070000-000"


def run_folders(runs: Path) -> list[str]:
    return sorted(one.name for one in runs.iterdir())


def test_a_run_keeps_its_own_page_and_the_newest_is_at_hand(tmp_path: Path) -> None:
    state = examples.a_state(tmp_path)
    write_report(state, examples.a_run(examples.engine_died()))
    first = (state.runs / examples.RUN_ID / "report.html").read_text()
    assert state.report.read_text() == first
    write_report(state, examples.a_run(examples.passed(), LATER))
    assert (state.runs / examples.RUN_ID / "report.html").read_text() == first
    assert state.report.read_text() == (state.runs / LATER / "report.html").read_text() != first


def test_only_the_owner_can_read_it(tmp_path: Path) -> None:
    state = examples.a_state(tmp_path)
    write_report(state, examples.a_run([]))
    folder = state.runs / examples.RUN_ID
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert stat.S_IMODE((folder / "report.html").stat().st_mode) == 0o600
    assert stat.S_IMODE(state.report.stat().st_mode) == 0o600


def test_the_results_of_the_gates_stay_beside_it(tmp_path: Path) -> None:
    state = examples.a_state(tmp_path)
    folder = state.runs / examples.RUN_ID
    folder.mkdir()
    (folder / "results.json").write_text("{}")
    write_report(state, examples.a_run([]))
    assert run_folders(folder) == ["report.html", "results.json"]


def test_without_hard_links_it_is_written_twice(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(self: Path, target: Path) -> None:
        raise OSError(errno.EPERM, "no hard links here")

    monkeypatch.setattr(Path, "hardlink_to", refuse)
    state = examples.a_state(tmp_path)
    write_report(state, examples.a_run(examples.passed()))
    assert state.report.read_text() == (state.runs / examples.RUN_ID / "report.html").read_text()


def test_a_link_left_by_a_kill_is_no_obstacle(tmp_path: Path) -> None:
    state = examples.a_state(tmp_path)
    (state.path / ".report.html.link").write_text("left")
    write_report(state, examples.a_run([]))
    assert "No step was begun" in state.report.read_text()
    assert not (state.path / ".report.html.link").exists()


def test_a_full_disk_is_raised_and_the_old_page_stays_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    state = examples.a_state(tmp_path)
    write_report(state, examples.a_run(examples.passed()))
    before = state.report.read_text()

    def full(handle: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space left"):
        write_report(state, examples.a_run([], LATER))
    assert state.report.read_text() == before


def test_the_oldest_runs_go_and_nothing_else_does(tmp_path: Path) -> None:
    state = examples.a_state(tmp_path)
    old = [f"2026{month:02}01-120000-{number:03}" for month in (1, 2) for number in range(15)]
    for name in [*old, "notes", "20260101-120000-0000", "x20260101-120000-000"]:
        (state.runs / name).mkdir()
        (state.runs / name / "report.html").write_text("old")
    outside = tmp_path / "elsewhere"
    outside.mkdir()
    (state.runs / "20250101-000000-000").symlink_to(outside)
    (state.runs / "20250102-000000-000").write_text("a file")
    write_report(state, examples.a_run([Report("setup", ())]))
    others = ["20250101-000000-000", "20250102-000000-000", "20260101-120000-0000", "notes", "x20260101-120000-000"]
    assert run_folders(state.runs) == sorted([*old[-(RUNS_KEPT - 1) :], examples.RUN_ID, *others])
    assert outside.is_dir()


def test_this_run_stays_even_where_the_clock_went_back(tmp_path: Path) -> None:
    state = examples.a_state(tmp_path)
    for number in range(25):
        (state.runs / f"20300101-120000-{number:03}").mkdir()
    write_report(state, examples.a_run([]))
    assert (state.runs / examples.RUN_ID / "report.html").exists()
    assert len(run_folders(state.runs)) == RUNS_KEPT
