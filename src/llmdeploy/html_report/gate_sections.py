"""The gates: every check against its bound, the golden cases, the load."""

from __future__ import annotations

from typing import Any

from llmdeploy.html_report.charts import histogram
from llmdeploy.html_report.load_section import load_figures
from llmdeploy.html_report.markup import Markup, joined, shown, table, tag
from llmdeploy.html_report.record import Record
from llmdeploy.html_report.recorded import listed, mapping, mappings, number, text
from llmdeploy.html_report.step_sections import badge
from llmdeploy.html_report.units import moment, seconds

PASSED_SHOWN = 200  # golden cases; the rest is in results.json
FEWEST_FOR_A_CHART = 8


def gate_sections(record: Record) -> Markup:
    """Empty where the run has no test step at all."""
    if "test" not in record.steps:
        return Markup()
    head = tag("h2", "Gates", id="gates")
    if not record.gates:
        why = (
            "The test step was not reached" if "test" not in record.reached else "The test step ended without a result"
        )
        return tag("section", head, tag("p", f"{why}: no gate has a result.", class_="quiet"))
    return tag("section", head, _when(record), *map(_gate, record.gates))


def _when(record: Record) -> Markup:
    if record.measured is None:
        return Markup()
    older = " by an earlier run of this very deployment; not repeated" if record.gates_are_older else ""
    return tag("p", f"Measured {moment(record.measured)}{older}.")


def _gate(gate: dict[str, Any]) -> Markup:
    checks, took = mappings(gate.get("checks")), number(gate.get("seconds"))
    good = sum(bool(check.get("passed")) for check in checks)
    counted = (
        f"{good} of {len(checks)} checks, {seconds(took)}" if took is not None else f"{good} of {len(checks)} checks"
    )
    data = mapping(gate.get("data"))
    return joined(
        (
            tag("h3", f"{text(gate.get('gate')) or 'gate'} ", _passed(gate), " ", tag("span", counted, class_="took")),
            table("Checks", ("check", "result", "value", "bound"), map(_check, checks), kind="checks"),
            _golden(data, bool(gate.get("passed"))),
            load_figures(data, checks),
        )
    )


def _passed(found: dict[str, Any]) -> Markup:
    return badge("passed" if found.get("passed") else "failed")


def _check(check: dict[str, Any]) -> list[object]:
    detail = text(check.get("detail"))
    name = joined((shown(text(check.get("name"))), tag("p", detail, class_="detail") if detail else ""))
    return [name, _passed(check), text(check.get("value")), text(check.get("bound"))]


def _golden(data: dict[str, Any], tolerated: bool) -> Markup:
    cases = mappings(data.get("cases"))
    if not cases:
        return Markup()
    good = [one for one in cases if one.get("passed")]
    bad = [one for one in cases if not one.get("passed")]
    state = "tolerated" if tolerated else "failed"
    head = ("case", "result", "answer", "time")
    missed = table("Golden cases that failed", head, (_case(one, state) for one in bad), kind="cases")
    why = "The score is still within its bound: these cases failed and are tolerated." if bad and tolerated else ""
    more = len(good) - PASSED_SHOWN
    rest = tag("p", f"{more} more are in results.json.", class_="quiet") if more > 0 else ""
    kept = table("Golden cases that passed", head, (_case(one, "passed") for one in good[:PASSED_SHOWN]), kind="cases")
    folded = tag("details", tag("summary", f"{len(good)} cases passed"), kept, rest) if good else ""
    return joined((tag("p", why) if why else "", missed, _times(cases), folded))


def _case(case: dict[str, Any], state: str) -> list[object]:
    took = number(case.get("seconds"))
    problems = [tag("p", text(one), class_="detail") for one in listed(case.get("problems"))]
    answer = joined((tag("q", text(case.get("answer"))), *problems))
    return [text(case.get("name")), badge(state), answer, seconds(took) if took is not None else ""]


def _times(cases: list[dict[str, Any]]) -> Markup:
    found = [took for one in cases if (took := number(one.get("seconds"))) is not None]
    if len(found) < FEWEST_FOR_A_CHART:
        return Markup()
    chart = histogram("Time to the whole answer of each golden case", found, seconds)
    return tag("figure", tag("figcaption", "Time to the whole answer, golden cases"), chart)
