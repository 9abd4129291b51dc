"""Every method that was considered, in one table; then what speaks for and against each."""

from __future__ import annotations

from llmdeploy.requirement_report.blocks import Block, Heading, Pairs, Paragraph, Section, Table
from llmdeploy.requirement_report.report import Method, RequirementReport
from llmdeploy.requirement_report.wording import amount, ms

HEAD = (
    "method", "score", "feasible, or why not", "variant", "hardware", "replicas", "USD a month", "USD to buy",
    "TTFT p95, ms", "ITL, ms", "break-even month",
)  # fmt: skip
FIGURES = (1, 5, 6, 7, 8, 9, 10)


def methods_section(report: RequirementReport) -> Section:
    marked = report.methods.index(report.chosen)
    table = Table("Methods, the highest score first", HEAD, tuple(map(_row, report.methods)), FIGURES, marked)
    blocks: list[Block] = [table, *_notes(report), Heading("For and against")]
    for one in report.methods:
        found = (*(("for", text) for text in one.pros), *_against(one))
        blocks += [Heading(f"{one.name} ({verdict(one)})", 4), Pairs(found)] if found else []
    return Section("methods", "Every method considered", tuple(blocks))


def verdict(one: Method) -> str:
    """In a few words."""
    if one.chosen:
        return "chosen" if one.feasible else f"chosen, though {one.reason}"
    return f"score {one.score:.2f}" if one.feasible else one.reason


def _against(one: Method) -> list[tuple[str, str]]:
    near = [("nearest", one.nearest)] if one.nearest else []
    return [*(("against", text) for text in one.cons), *near]


def _row(one: Method) -> tuple[str, ...]:
    price = one.price
    ttft = one.ttft if one.ttft is not None else one.seconds
    return (
        one.shown,
        f"{one.score:.2f}" if one.feasible else "",
        one.reason or "yes",
        one.variant,
        one.hardware,
        " + ".join(map(str, one.replicas)),
        amount(price.month) if price else "",
        amount(price.purchase) if price and price.purchase else "",
        ms(ttft),
        ms(one.itl),
        f"{one.break_even:.1f}" if one.break_even is not None else "never" if one.never else "",
    )


def _notes(report: RequirementReport) -> list[Block]:
    notes = []
    rent = report.costs.rent
    if rent:
        allowed = f", which may not be taken ({rent.against})" if rent.against else ""
        notes.append(
            f"Break-even: the month in which buying has cost as much as the cheapest rent, {rent.name} for "
            f"{amount(rent.month)} USD a month{allowed}."
        )
    if any(one.seconds is not None for one in report.feasible):
        notes.append("Rules and classical learning answer at once: their time is that of the whole answer.")
    return [Paragraph(" ".join(notes))] if notes else []
