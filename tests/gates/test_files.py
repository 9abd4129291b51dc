from __future__ import annotations

import json
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from llmdeploy.gates.files import write_results
from llmdeploy.gates.result import Check, GateResult


def golden(*, passed: bool) -> GateResult:
    cases = [
        {"name": "right", "passed": True, "weight": 1.0, "seconds": 0.1, "answer": "a", "problems": []},
        {"name": "wrong", "passed": False, "weight": 1.0, "seconds": 0.2, "answer": "b", "problems": ["is not 'a'"]},
    ]
    check = Check("accuracy", passed, "0.500 (1 of 2 cases)", ">= 0.5" if passed else ">= 0.9", "wrong: is not 'a'")
    return GateResult("golden", (check,), 0.3, {"cases": cases})


SMOKE = GateResult("smoke", (Check("health", True, "http 200", "http 200", "", 0.01),), 0.01)


def suites(folder: Path) -> dict[str, ET.Element]:
    root = ET.parse(folder / "junit.xml").getroot()  # noqa: S314 - our own file
    assert root.tag == "testsuites"
    return {suite.attrib["name"]: suite for suite in root}


def test_the_results_are_read_back(tmp_path: Path) -> None:
    write_results(tmp_path / "new" / "folder", [SMOKE, golden(passed=False)])
    read = json.loads((tmp_path / "new" / "folder" / "results.json").read_text())
    assert read["passed"] is False
    assert [(gate["gate"], gate["passed"]) for gate in read["gates"]] == [("smoke", True), ("golden", False)]
    assert read["gates"][1]["data"]["cases"][1]["problems"] == ["is not 'a'"]
    assert [path.name for path in sorted((tmp_path / "new" / "folder").iterdir())] == ["junit.xml", "results.json"]


def test_a_suite_a_gate_and_a_failure_for_what_was_missed(tmp_path: Path) -> None:
    write_results(tmp_path, [SMOKE, golden(passed=False)])
    found = suites(tmp_path)
    assert found["smoke"].attrib["tests"] == "1"
    assert {name: found["golden"].attrib[name] for name in ("tests", "failures", "errors", "skipped")} == {
        "tests": "3", "failures": "2", "errors": "0", "skipped": "0",
    }  # fmt: skip
    accuracy, right, wrong = found["golden"]
    failure = accuracy.find("failure")
    assert failure is not None
    assert failure.attrib["message"] == "0.500 (1 of 2 cases), wanted >= 0.9: wrong: is not 'a'"
    assert (right.attrib["name"], len(right)) == ("right", 0)
    assert wrong.find("failure") is not None


def test_a_wrong_case_is_seen_but_no_failure_while_the_score_holds(tmp_path: Path) -> None:
    write_results(tmp_path, [golden(passed=True)])
    suite = suites(tmp_path)["golden"]
    assert (suite.attrib["failures"], suite.attrib["skipped"]) == ("0", "1")
    skipped = suite[2].find("skipped")
    assert skipped is not None
    assert skipped.attrib["message"] == "tolerated by min_accuracy: is not 'a'"


@pytest.mark.parametrize("text", ["\x1b[31m", "\x00", "\ud800", "\ufffe", "<&\"'>]]>", "Zürich \N{PARTY POPPER}"])
def test_any_text_makes_files_that_can_be_read(tmp_path: Path, text: str) -> None:
    write_results(tmp_path, [GateResult(text, (Check(text, False, text, text, text),), 0.0, {"answer": text})])
    (name,) = suites(tmp_path)
    if text.isprintable():
        assert name == text
    assert json.loads((tmp_path / "results.json").read_bytes())["gates"][0]["data"]["answer"] == text


def test_a_second_write_replaces_the_first(tmp_path: Path) -> None:
    write_results(tmp_path, [golden(passed=False)])
    write_results(tmp_path, [SMOKE])
    assert set(suites(tmp_path)) == {"smoke"}
    assert json.loads((tmp_path / "results.json").read_text())["passed"] is True
