"""Whatever lies in the state folder, a run gets its report."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from llmdeploy.errors import ExitCode
from llmdeploy.html_report import write_report
from llmdeploy.report import Entry, Report
from llmdeploy.state import StateFolder
from tests.html_report import examples
from tests.html_report.markup_reader import read


def page_text(state: StateFolder, reports: list[Report], run_id: str = examples.RUN_ID) -> str:
    write_report(state, examples.a_run(reports, run_id))
    return " ".join(read(state.report.read_text(encoding="utf-8")).whole_text.split())


def test_a_state_folder_with_nothing_in_it(tmp_path: Path) -> None:
    state = StateFolder(tmp_path / "demo")
    said = page_text(state, [])
    assert "No step was begun." in said
    assert "There is no plan yet" in said
    assert "Nothing is deployed." in said


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ("{", "plan.json is damaged"),
        ("\x00\x01", "plan.json is damaged"),
        ("[1, 2]", "written by another version"),
        ('{"digest": "abc"}', "written by another version"),
        ('{"memory": 7, "model": {}}', "written by another version"),
        ("[" * 100_000, "written by another version"),
    ],
    ids=["torn", "binary", "a list", "too little", "other kinds", "nested"],
)
def test_a_damaged_plan_is_named_in_the_page(tmp_path: Path, content: str, expected: str) -> None:
    state = examples.a_state(tmp_path)
    (state.path / "plan.json").write_text(content)
    said = page_text(state, examples.passed())
    assert expected in said
    assert "smoke ✓ passed" in said, "the rest is told all the same"


@pytest.mark.parametrize("content", ["{", "[]", '"x"', "[" * 100_000])
def test_a_damaged_record_of_the_deployment_does_not_hide_the_rest(tmp_path: Path, content: str) -> None:
    state = examples.a_state(tmp_path)
    (state.path / "outputs.json").write_text(content)
    said = page_text(state, examples.passed())
    assert "Nothing is deployed." in said
    assert "demo ✓ passed" in said


@pytest.mark.parametrize(
    "content", [b"", b"\x00" * 100, b'{"run": "20261123-060957-120", "event": "run-started"', b"x\n"]
)
def test_a_journal_that_says_nothing_of_the_run(tmp_path: Path, content: bytes) -> None:
    state = examples.a_state(tmp_path)
    state.journal.write_bytes(content)
    assert "demo is deployed, tested and watched." in page_text(state, examples.passed())


def test_the_verb_is_found_in_a_long_journal(tmp_path: Path) -> None:
    state = examples.a_state(tmp_path, command="test")
    with state.journal.open("a") as file:
        file.writelines(
            json.dumps({"run": examples.RUN_ID, "event": "entry", "n": "x" * 100}) + "\n" for _ in range(5000)
        )
    assert "llmdeploy test" in page_text(state, [Report("test", ())])


def test_a_run_id_of_another_kind(tmp_path: Path) -> None:
    state = examples.a_state(tmp_path)
    said = page_text(state, examples.passed(), "by-hand")
    assert "demo ✓ passed" in said
    assert (state.runs / "by-hand" / "report.html").exists()


@pytest.mark.parametrize(
    "gates",
    [
        None, "passed", 7, [], [None, 3], [{}], [{"gate": None, "checks": None, "data": None}],
        [{"gate": "load", "data": {"closed": {"ttft_ms": {"count": 0}}, "open": 7}}],
        [{"gate": "load", "data": {"closed": {"ttft_ms": {"p50": math.nan, "p95": math.inf, "max": 10**400}}}}],
        [{"gate": "load", "data": {"closed": examples.loop()}}],
        [{"gate": "load", "checks": [{"name": "ttft_p95", "bound": "<= 9e+999 ms"}], "data": examples.load()["data"]}],
        [{"gate": "golden", "data": {"cases": [None, {}, {"passed": True, "seconds": "1", "problems": "no"}] * 9}}],
        [examples.golden(0)],
    ],
    ids=lambda gates: str(gates)[:60],
)  # fmt: skip
def test_gates_of_an_older_or_broken_kind(tmp_path: Path, gates: Any) -> None:
    state = examples.a_state(tmp_path)
    data = {"gates": gates, "measured": "yesterday"}
    said = page_text(state, [Report("test", (Entry("smoke", "failed", 0.1),), ExitCode.GATE, data)])
    assert "demo ✗ failed" in said
    assert "nan" not in said.split()
    assert "inf" not in said.split()


def test_gates_without_any_result_are_said(tmp_path: Path) -> None:
    said = page_text(examples.a_state(tmp_path), [Report("test", (), ExitCode.INTERRUPTED)])
    assert "The test step ended without a result" in said


def test_many_golden_cases_are_cut_and_counted(tmp_path: Path) -> None:
    cases = [{"name": f"case {one}", "passed": True, "seconds": 0.1, "answer": "x"} for one in range(1000)]
    gates = [examples.gate("golden", [], {"cases": cases}, 1.0)]
    said = page_text(examples.a_state(tmp_path), [Report("test", (), data={"gates": gates})])
    assert "1000 cases passed" in said
    assert "800 more are in results.json" in said
    assert "case 199 " in said
    assert "case 200 " not in said


def test_a_measured_time_beyond_the_calendar(tmp_path: Path) -> None:
    data = {"gates": [examples.smoke()], "measured": 1e99}
    assert "smoke ✓ passed" in page_text(examples.a_state(tmp_path), [Report("test", (), data=data)])


KEYS = [
    "gate", "checks", "data", "cases", "closed", "open", "corrected", "ttft_ms", "itl_ms", "e2e_ms", "p50", "p95",
    "max", "name", "value", "bound", "detail", "passed", "seconds", "failures", "count", "concurrency", "rate",
    "memory", "parts", "bytes", "available_bytes", "model", "reasons", "alternatives",
]  # fmt: skip
ANY_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(KEYS), inner, max_size=5),
    max_leaves=25,
)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    found=ANY_JSON, changes=st.dictionaries(st.sampled_from(sorted(examples.plan().as_json())), ANY_JSON, max_size=4)
)
def test_any_json_gives_a_sound_page(tmp_path: Path, found: Any, changes: dict[str, Any]) -> None:
    state = examples.a_state(tmp_path)
    (state.path / "plan.json").write_text(json.dumps({**examples.plan().as_json(), **changes}))
    gates = [found, {"gate": "load", "checks": found, "data": found}, {"gate": "golden", "data": {"cases": found}}]
    said = page_text(state, [Report("test", (), ExitCode.GATE, {"gates": gates, "measured": found, "plan": found})])
    assert "demo ✗ failed" in said
