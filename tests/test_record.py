"""State folder, journal and run: what is left when things end badly."""

from __future__ import annotations

import json
import stat
from pathlib import Path

import pytest

from llmdeploy.environment import Clock
from llmdeploy.errors import ExitCode, StepError
from llmdeploy.journal import Journal, interrupted_step, last_passed_test, read_journal
from llmdeploy.report import Report
from llmdeploy.run import Run
from llmdeploy.secret import Secret
from llmdeploy.state import StateFolder, deployments, write_private


@pytest.fixture
def state(tmp_path: Path) -> StateFolder:
    folder = StateFolder(tmp_path / ".llmdeploy" / "demo")
    folder.create()
    return folder


def journal(state: StateFolder) -> Journal:
    return Journal(state.journal, "run-1", Clock(now=lambda: 1000.0))


def test_a_private_file_is_written_whole_and_for_its_owner_only(tmp_path: Path) -> None:
    path = tmp_path / "key"
    write_private(path, "first")
    write_private(path, "second")
    assert path.read_text() == "second"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [one.name for one in tmp_path.iterdir()] == ["key"]


def test_the_state_folder_is_kept_out_of_git(state: StateFolder) -> None:
    assert (state.path.parent / ".gitignore").read_text() == "*\n"
    assert deployments(state.path.parent) == ("demo",)


def test_a_damaged_plan_is_told_with_its_file(state: StateFolder) -> None:
    (state.path / "plan.json").write_text("{")
    with pytest.raises(StepError, match=r"plan\.json is damaged"):
        state.load_plan()


def test_a_line_torn_by_a_kill_is_passed_over_and_the_next_is_whole(state: StateFolder) -> None:
    journal(state).step_started("setup")
    with state.journal.open("a") as file:
        file.write('{"event": "entry", "st')
    journal(state).step_started("deploy")
    assert [event["step"] for event in read_journal(state.journal)] == ["setup", "deploy"]
    assert interrupted_step(state.journal) == "deploy"


def test_a_passed_test_counts_for_the_same_plan_and_bounds_until_the_engine_changes(state: StateFolder) -> None:
    told = journal(state)
    data = {"plan": "p1", "asked": "a1", "gates": [], "measured": 1.0}
    told.step_ended(Report("test", (), ExitCode.OK, data))
    assert last_passed_test(state.journal, "p1", "a1")
    assert not last_passed_test(state.journal, "p2", "a1")
    assert not last_passed_test(state.journal, "p1", "a2")
    told.step_ended(Report("deploy", (), ExitCode.OK, {"restarted": True}))
    assert not last_passed_test(state.journal, "p1", "a1")
    told.step_ended(Report("test", (), ExitCode.OK, data))
    told.step_ended(Report("test", (), ExitCode.GATE, data))
    assert not last_passed_test(state.journal, "p1", "a1")


@pytest.mark.parametrize(
    ("error", "code", "detail"),
    [
        (StepError("no luck", "try again"), ExitCode.STEP, "no luck"),
        (KeyboardInterrupt(), ExitCode.INTERRUPTED, "interrupted"),
        (RuntimeError("bug"), ExitCode.BUG, "RuntimeError('bug')"),
    ],
)
def test_a_step_that_fails_leaves_its_report(
    state: StateFolder, error: BaseException, code: ExitCode, detail: str
) -> None:
    run = Run("run-1", Clock(), (journal(state),))
    with pytest.raises(type(error)), run.step("deploy") as recorder, recorder.entry("engine"):
        raise error
    assert run.exit_code == code
    assert run.reports[0].entries[0].detail == detail
    assert interrupted_step(state.journal) == ""
    assert json.loads(state.journal.read_text().splitlines()[-1])["exit_code"] == code


def test_a_secret_shows_nowhere() -> None:
    secret = Secret("hunter2")
    assert "hunter2" not in f"{secret} {secret!r} {[secret]}"
    assert secret.reveal() == "hunter2"
    with pytest.raises(TypeError):
        json.dumps(secret)
