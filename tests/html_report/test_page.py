"""What a person reads in the report of a run, and that nothing in it can run, load or leak."""

from __future__ import annotations

import hashlib
import re
import time
from base64 import b64encode
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from llmdeploy.errors import ExitCode
from llmdeploy.html_report import write_report
from llmdeploy.report import Entry, Report
from tests.html_report import examples
from tests.html_report.markup_reader import Element, read

ENDINGS: dict[str, Callable[[], list[Report]]] = {
    "passed": examples.passed,
    "gate missed": examples.gate_missed,
    "engine died": examples.engine_died,
    "interrupted": examples.interrupted,
    "nothing begun": list,
}


def report_of(folder: Path, reports: list[Report], command: str = "up") -> Element:
    state = examples.a_state(folder, command)
    write_report(state, examples.a_run(reports))
    return read(state.report.read_text(encoding="utf-8"))


def section(page: Element, name: str) -> str:
    """The text of a section by the id of its heading."""
    for one in page.all("section"):
        if any(head.attributes.get("id") == name for head in one.all("h2")):
            return " ".join(one.whole_text.split())
    raise AssertionError(f"there is no section {name}")


def header(page: Element) -> str:
    return " ".join(page.all("header")[0].whole_text.split())


def test_a_passed_run_tells_name_outcome_time_version_and_plan(tmp_path: Path) -> None:
    said = header(report_of(tmp_path, examples.passed()))
    for part in (
        "demo ✓ passed", "demo is deployed, tested and watched.", "llmdeploy up", "2026-11-23 06:09:57 UTC", "20.6 s",
        examples.plan().digest, "0.1.0", "deploy ● changed 13.1 s",
    ):  # fmt: skip
        assert part in said


def test_the_sections_come_in_the_order_of_need(tmp_path: Path) -> None:
    page = report_of(tmp_path, examples.gate_missed())
    assert [one.attributes["id"] for one in page.all("h2")] == ["next", "steps", "plan", "gates", "endpoint"]


def test_every_entry_is_there_with_status_detail_hint_and_time(tmp_path: Path) -> None:
    said = section(report_of(tmp_path, examples.passed()), "steps")
    for report in examples.passed():
        for entry in report.entries:
            assert entry.name in said
            assert entry.detail in said
            assert entry.hint in said
    assert "weights ● changed 1 file(s) verified by sha256, .llmdeploy/models/qwen3-0.6b 11.8 s" in said


def test_the_plan_has_decision_memory_reasons_warnings_and_alternatives(tmp_path: Path) -> None:
    said = section(report_of(tmp_path, examples.passed()), "plan")
    plan = examples.plan()
    for part in (
        "qwen3-0.6b (Q8_0, gguf)", plan.model.revision, plan.model.sha256, "4 requests at once, 1,024 tokens each",
        "price free", "needs 1.44 GiB of 14.6 GiB free", *plan.reasons, *plan.warnings, "vLLM is not installed",
        *(part.reason for part in plan.memory.parts),
    ):  # fmt: skip
        assert part in said
    assert "earlier run" not in said


def test_gates_show_checks_cases_and_both_loops(tmp_path: Path) -> None:
    page = report_of(tmp_path, examples.passed())
    said = section(page, "gates")
    for part in (
        "Measured 2026-11-23 06:10:11 UTC.", "smoke ✓ passed 9 of 9 checks", "closed loop ttft_p95",
        "96.1 ms <= 2000 ms", "capital of France ~ tolerated", "11 cases passed", "output tokens/s 252 150",
        "goodput, share within the SLO 100 % 100 %", "SLO of p95, 2,000 ms", "Poisson arrivals, 9.46 requests/s",
        "p95 96.1 ms 55.9 ms", "The closed loop's figures are corrected for coordinated omission.",
    ):  # fmt: skip
        assert part in said
    kinds = [one.attributes["class"].split()[1] for one in page.all("svg")]
    assert kinds == ["bars", "stacked", "histogram", "dots", "dots", "dots", "dots"]


def test_a_missed_gate_says_each_number_and_its_bound_first(tmp_path: Path) -> None:
    page = report_of(tmp_path, examples.gate_missed())
    assert "demo ✗ failed Test ended, and a gate says no." in header(page)
    said = section(page, "next")
    assert "golden, accuracy: 0.750 (9 of 12 cases), and the bound is >= 0.9" in said
    assert "2740 ms, and the bound is <= 2000 ms" in said
    assert "The endpoint stays up" in said
    gates = section(page, "gates")
    assert "open loop: truncated stream 2 the stream ended without [DONE]" in gates
    assert "capital of France ✗ failed" in gates


def test_a_failed_step_gives_its_hint_and_the_steps_not_reached(tmp_path: Path) -> None:
    page = report_of(tmp_path, examples.engine_died())
    assert "test - not reached monitor - not reached" in header(page)
    said = section(page, "next")
    assert "the engine ended while it loaded the model" in said
    assert "read its log: llmdeploy logs --name demo" in said
    assert "Then run llmdeploy up" in said
    assert "The test step was not reached" in section(page, "gates")
    assert "below is the last one that came up" in section(page, "endpoint")


def test_an_interrupted_run_says_so_and_how_to_go_on(tmp_path: Path) -> None:
    page = report_of(tmp_path, examples.interrupted())
    assert "demo ■ interrupted Deploy was interrupted." in header(page)
    assert "Run llmdeploy up: it goes on from here." in section(page, "next")


def test_a_run_that_ended_between_two_steps_is_not_called_passed(tmp_path: Path) -> None:
    page = report_of(tmp_path, examples.passed()[:1])
    assert "demo ■ unfinished It ended after prepare" in header(page)
    assert "setup - not reached" in header(page)
    assert "it goes on from here" in section(page, "next")


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        (ExitCode.SPEC, "Change llmdeploy.yaml"),
        (ExitCode.MISSING, "llmdeploy doctor"),
        (ExitCode.BUG, "Please report the traceback"),
        (ExitCode.STEP, "llmdeploy logs --name demo"),
    ],
)
def test_a_step_that_ended_without_an_entry_still_says_what_to_do(
    tmp_path: Path, code: ExitCode, expected: str
) -> None:
    said = section(report_of(tmp_path, [Report("prepare", (), code)]), "next")
    assert "prepare ended before it could record why" in said
    assert expected in said


def test_a_plan_of_an_earlier_run_is_marked(tmp_path: Path) -> None:
    failed = Report("prepare", (Entry("model", "failed", 0.1, "no such model", "check the name"),), ExitCode.SPEC)
    assert "An earlier run made this plan" in section(report_of(tmp_path, [failed]), "plan")


def test_gates_of_an_earlier_run_say_when_they_were_measured(tmp_path: Path) -> None:
    digest = examples.plan().digest
    note = Entry("gates", "ok", 0.0, "passed at 2026-11-20 10:00 by this deployment: not repeated")
    data = {"plan": digest, "gates": [examples.smoke()], "measured": examples.STARTED - 3600}
    unchanged = Report("deploy", (Entry("engine", "ok", 0.01, "running as planned"),), data={"plan": digest})
    reports = [unchanged, Report("test", (note,), data=data)]
    said = section(report_of(tmp_path, reports), "gates")
    assert "Measured 2026-11-23 05:09:57 UTC by an earlier run of this very deployment; not repeated." in said


@pytest.mark.parametrize(("verb", "sentence"), [("setup", "The place for demo is ready."), ("down", "demo is down")])
def test_a_single_step_is_not_blamed_for_the_others(tmp_path: Path, verb: str, sentence: str) -> None:
    page = report_of(tmp_path, [Report(verb, (Entry("stop", "changed", 0.2, "ended"),))], verb)
    assert f"demo ✓ done {sentence}" in header(page)
    assert "not reached" not in header(page)
    assert "Gates" not in [one.text for one in page.all("h2")]


def test_a_run_with_nothing_to_do_says_so(tmp_path: Path) -> None:
    page = report_of(tmp_path, [Report("setup", (Entry("supervisor", "ok", 0.01, "running"),))], "setup")
    assert "Nothing had to be changed." in header(page)


def test_the_address_and_the_key_file_are_told_and_never_the_key(tmp_path: Path) -> None:
    page = report_of(tmp_path, examples.passed())
    said = section(page, "endpoint")
    assert "http://127.0.0.1:8080/v1" in said
    assert f"in the file {tmp_path}/demo/key" in said
    assert f"-H @{tmp_path}/demo/key.header" in said
    assert examples.KEY not in (tmp_path / "demo" / "report.html").read_text()


@pytest.mark.parametrize("ending", ENDINGS)
def test_the_page_runs_loads_and_links_nothing(tmp_path: Path, ending: str) -> None:
    page = report_of(tmp_path, ENDINGS[ending]())
    forbidden = page.all("script", "link", "img", "iframe", "object", "embed", "form", "a", "base", "audio", "video")
    assert forbidden == []
    everything = page.all("html")[0]
    for one in [everything, *everything.all(*{found.name for found in every(everything)})]:
        assert not {"src", "href", "style", "xlink:href", "action"} & one.attributes.keys()
        assert not [key for key in one.attributes if key.startswith("on")]
    (style,) = page.all("style")
    assert "url(" not in style.text
    assert "@import" not in style.text


def every(element: Element) -> list[Element]:
    return [element, *(found for child in element.children for found in every(child))]


def test_the_policy_allows_our_own_style_and_nothing_else(tmp_path: Path) -> None:
    page = report_of(tmp_path, examples.passed())
    (policy,) = [one.attributes["content"] for one in page.all("meta") if "http-equiv" in one.attributes]
    digest = b64encode(hashlib.sha256(page.all("style")[0].text.encode()).digest()).decode()
    expected = f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"
    assert policy == expected


@pytest.mark.parametrize("ending", ENDINGS)
def test_the_page_can_be_read_aloud(tmp_path: Path, ending: str) -> None:
    page = report_of(tmp_path, ENDINGS[ending]())
    assert page.all("html")[0].attributes["lang"] == "en"
    assert len(page.all("h1")) == 1
    for table in page.all("table"):
        assert table.all("caption")
        assert all(one.attributes.get("scope") in ("row", "col") for one in table.all("th"))
    for svg in page.all("svg"):
        assert svg.attributes["role"] == "img"
        assert svg.all("title")[0].text
        assert svg.all("desc")[0].text
    for badge in (one for one in page.all("span") if "badge" in one.attributes.get("class", "").split()):
        assert re.search(r"[a-z]", badge.text), "a state is a word, not a colour or a mark alone"


EVIL = "<script>alert(1)</script>\"'&"


def test_everything_that_others_wrote_is_shown_as_text(tmp_path: Path) -> None:
    state = examples.a_state(tmp_path)
    model = replace(examples.plan().model, id=EVIL, location=EVIL)
    state.save_plan(examples.plan(model=model, served_name=EVIL, reasons=(EVIL,), warnings=(EVIL,)))
    state.save_outputs({"url": EVIL, "model": EVIL})
    case = {"name": EVIL, "passed": False, "answer": EVIL, "problems": [EVIL], "seconds": 0.1}
    loops = {"closed": examples.loop(failures={EVIL: {"count": 1, "example": EVIL}}), "concurrency": 1, "seconds": 1}
    gates = [
        examples.gate(EVIL, [examples.check(EVIL, EVIL, EVIL, False, EVIL)], {"cases": [case]}, 0.1),
        examples.gate("load", [], loops, 0.1),
    ]
    entry = Entry(EVIL, "failed", 0.1, EVIL, EVIL)
    reports = [Report(EVIL, (entry,)), Report("test", (entry,), ExitCode.GATE, {"gates": gates})]
    write_report(state, examples.a_run(reports))
    page = read(state.report.read_text(encoding="utf-8"))
    assert page.all("script") == []
    assert page.whole_text.count(EVIL) > 20


def test_what_is_invisible_is_written_out(tmp_path: Path) -> None:
    entry = Entry("file", "ok", 0.1, "a\x1b[31m\x00 \u202egnp.exe \udcff")
    said = section(report_of(tmp_path, [Report("deploy", (entry,))], "deploy"), "steps")
    assert "a\\x1b[31m\\x00 \\u202egnp.exe \\udcff" in said


def test_a_report_takes_little_time(tmp_path: Path) -> None:
    """The aim is 15 ms of an idle machine; this only notices when it is several times that. CPU time, not the clock."""
    state, run = examples.a_state(tmp_path), examples.a_run(examples.passed())
    write_report(state, run)
    begun = time.process_time()
    for _ in range(5):
        write_report(state, run)
    assert (time.process_time() - begun) / 5 < 0.06
