"""The steps: an overview, how long each took, and every entry."""

from __future__ import annotations

from llmdeploy.html_report.charts import bars
from llmdeploy.html_report.markup import Markup, joined, shown, table, tag
from llmdeploy.html_report.outcome import step_state
from llmdeploy.html_report.record import FIVE_STEPS, Record
from llmdeploy.html_report.units import seconds
from llmdeploy.report import Entry, Report

MARKS = {
    "ok": "✓", "changed": "●", "passed": "✓", "done": "✓", "failed": "✗", "warning": "!", "skipped": "-",
    "interrupted": "■", "not reached": "-", "unfinished": "■", "tolerated": "~",
}  # fmt: skip


def badge(state: str) -> Markup:
    """The state in words, with a mark; colour comes on top."""
    return tag(
        "span", tag("span", MARKS.get(state, "·"), aria_hidden="true"), f" {state}", class_=f"badge {_kind(state)}"
    )


def _kind(state: str) -> str:
    return "".join(one for one in state if one.isalpha()) if state in MARKS else "skipped"


def overview(record: Record) -> Markup:
    """The steps of this command in one line."""
    return tag(
        "ol", *(tag("li", *_in_short(record, step)) for step in record.steps), class_="steps", aria_label="steps"
    )


def _in_short(record: Record, step: str) -> list[object]:
    report = record.reached.get(step)
    took = tag("span", seconds(report.seconds), class_="took") if report else ""
    return [tag("b", step), " ", badge(step_state(record, step)), " ", took]


def step_sections(record: Record) -> Markup:
    parts: list[object] = [tag("h2", "Steps", id="steps")]
    if len(record.reports) > 1:
        found = [(one.step, one.seconds) for one in record.reports]
        chart = bars("Seconds spent in each step", found, seconds)
        parts.append(tag("figure", tag("figcaption", "Time in each step"), chart))
    parts += [_step(record, step) for step in record.steps]
    if not record.steps:
        parts.append(tag("p", "No step was begun."))
    return tag("section", *parts)


def _step(record: Record, step: str) -> Markup:
    report = record.reached.get(step)
    number = f"{FIVE_STEPS.index(step) + 1} " if step in FIVE_STEPS else ""
    head = [f"{number}{step} ", badge(step_state(record, step))]
    if report is None:
        return tag("h3", *head)
    took = tag("span", seconds(report.seconds), class_="took")
    return joined((tag("h3", *head, " ", took), _entries(report)))


def _entries(report: Report) -> Markup:
    if not report.entries:
        return tag("p", "Nothing was recorded in this step.", class_="quiet")
    rows = ([entry.name, badge(entry.status), _said(entry), _took(entry)] for entry in report.entries)
    return table(f"Entries of {report.step}", ("entry", "status", "what", "time"), rows, kind="entries")


def _said(entry: Entry) -> Markup:
    hint = tag("p", f"hint: {entry.hint}", class_="hint") if entry.hint else ""
    return joined((shown(entry.detail), hint))


def _took(entry: Entry) -> str:
    return seconds(entry.seconds) if entry.seconds else ""
