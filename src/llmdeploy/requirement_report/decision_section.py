"""The decision in one paragraph, and why it is not the best by score where it is not."""

from __future__ import annotations

from llmdeploy.html_report.units import share
from llmdeploy.methods.decide import SWAPS
from llmdeploy.requirement_report.blocks import Block, Pairs, Paragraph, Section
from llmdeploy.requirement_report.report import Machines, RequirementReport
from llmdeploy.requirement_report.wording import counted, listed, money, predicted, value


def decision_section(report: RequirementReport) -> Section:
    blocks: list[Block] = [Paragraph(sentence(report)), Pairs(key_figures(report))]
    if report.chosen.reason:
        blocks.append(Paragraph(_broken(report), warn=True))
    blocks.append(Paragraph(_place(report)))
    return Section("decision", "Decision", tuple(blocks))


def sentence(report: RequirementReport) -> str:
    """What, where, for how much, how quick, how much room."""
    what = _what(report)
    said = [f"{report.said.deployment}: {what}, {_price(report)}."]
    if report.figures:
        word = "Predicted" if report.chosen.feasible else "Predicted, at best"
        said.append(f"{word}: {listed([predicted(one) for one in report.figures])}.")
    if report.headroom is not None and not report.chosen.reason:
        said.append(f"{share(report.headroom)} of the places are free on average.")
    if any(one.low != one.high for one in report.figures):
        said.append("Nine of ten published cases lie within the ranges.")
    return " ".join(said)


def key_figures(report: RequirementReport) -> tuple[tuple[str, str], ...]:
    found = [("price a month", money(report.price.month) if report.price else "not known")]
    if report.price and report.price.purchase:
        found.append(("to buy", money(report.price.purchase)))
    for one in report.figures:
        promised = f" (SLO {value(one, one.promised)})" if one.promised is not None else ""
        found.append((one.name, f"{value(one, one.value)}{promised}"))
    if report.headroom is not None and not report.chosen.reason:
        found.append(("free places", share(report.headroom)))
    return tuple(found)


def _what(report: RequirementReport) -> str:
    if not report.machines:
        return f"{report.chosen.name}, no language model"
    return " and ".join(f"{one.variant} with {one.engine} on {where(one)}" for one in report.machines)


def where(one: Machines) -> str:
    """`2 x g6.xlarge (1 x NVIDIA L4 24GB each) at AWS us-east-1`."""
    if one.place == "this machine":
        inside = "" if one.processor else f" ({one.devices} x {one.device})"
        return f"this machine{inside}" if one.count == 1 else f"{one.count} machines like this one{inside}"
    at = f" at {one.place} {one.region}" if one.region else f", {one.place}"
    return f"{one.count} x {machine(one)}{at}"


def machine(one: Machines) -> str:
    """One of them: its name and what is in it, the name alone where it is the device itself or has none."""
    if one.processor:
        return one.name
    if one.place == "at the edge" or one.name == one.device:
        return one.device
    return f"{one.name} ({one.devices} x {one.device} each)"


def _price(report: RequirementReport) -> str:
    price = report.price
    if price is None:
        return "at a price that is not known"
    bought = f" ({money(price.purchase)} to begin with, counted over {counted(report.need.write_off, 'month')})"
    return f"{money(price.month)} a month{bought if price.purchase else ''}"


def _broken(report: RequirementReport) -> str:
    return (
        f"By prediction this does not do: {report.chosen.reason}. It is taken because the spec asks for this place; "
        "the load gate measures what is true of it."
    )


def _place(report: RequirementReport) -> str:
    chosen, best = report.chosen, report.best
    considered = f"{counted(len(report.methods), 'method')} considered, {len(report.feasible)} feasible."
    if chosen is best or not best.feasible:
        return f"{considered} This one has the highest score, {chosen.score:.2f}." if chosen.feasible else considered
    month = money(best.price.month) if best.price else "an unknown price"
    what = f"{best.name} ({best.variant} on {best.hardware})" if best.variant else best.name
    return f"{considered} The highest score, {best.score:.2f}, has {what} for {month} a month: {_why_not(report)}."


def _why_not(report: RequirementReport) -> str:
    if report.best.method in SWAPS:
        return f"it is another thing than {report.asked}, which the spec asks for, so it is shown and not taken"
    return f"it is not taken because the spec pins target: {report.pinned}" if report.pinned else "it is not taken"
