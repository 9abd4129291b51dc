"""How the score is made, with each row's parts."""

from __future__ import annotations

import re
from dataclasses import asdict

from llmdeploy.methods import score
from llmdeploy.requirement_report.blocks import Pairs, Paragraph, Section, Table
from llmdeploy.requirement_report.report import Method, RequirementReport

TITLE = "How the score is made"


def score_section(report: RequirementReport) -> Section:
    intro, formula = explained(score.__doc__ or "")
    weights = asdict(report.need.weights)
    total = sum(weights.values()) or 1.0
    head = ("method", "score", *(f"{name} x {weight / total:.2f}" for name, weight in weights.items()))
    marked = next((index for index, one in enumerate(report.feasible) if one.chosen), None)
    rows = tuple(_row(one, tuple(weights)) for one in report.feasible)
    if not rows:
        said = "No method is feasible, so none has a score."
        return Section("score", TITLE, (Paragraph(intro), Pairs(formula), Paragraph(said)))
    table = Table("Score and its parts, each from 0 to 1", head, rows, tuple(range(1, len(head))), marked)
    return Section("score", TITLE, (Paragraph(intro), Pairs(formula), table))


def explained(text: str) -> tuple[str, tuple[tuple[str, str], ...]]:
    """The sentence and the lines `name   formula` of the scoring module's own description."""
    first, _, rest = text.partition("\n\n")
    lines = (re.split(r"\s{2,}", line.strip(), maxsplit=1) for line in rest.splitlines() if line.strip())
    return " ".join(first.split()), tuple((parts[0], parts[1]) for parts in lines if len(parts) == 2)


def _row(one: Method, names: tuple[str, ...]) -> tuple[str, ...]:
    found = (_part(one, name) for name in names)
    return (one.shown, f"{one.score:.2f}", *found)


def _part(one: Method, name: str) -> str:
    part = f"{one.parts.get(name, 0.0):.2f}"
    return f"{part} (unknown)" if name == "quality" and one.quality is None else part
