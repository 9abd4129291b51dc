"""What the figures rest on, how far they may be off, and how old the prices are."""

from __future__ import annotations

from collections.abc import Sequence

from llmdeploy.requirement_report.blocks import Block, Heading, Paragraph, Section, Table
from llmdeploy.requirement_report.report import Assumption, PriceDates, RequirementReport
from llmdeploy.requirement_report.wording import counted


def assumptions_section(report: RequirementReport) -> Section:
    blocks: list[Block] = [
        Heading("How far figures may be off"),
        Paragraph("Nine of ten published cases lie within these ranges around the figures of this report."),
        _table("Ranges", "range", report.ranges),
        Heading("Age of prices"), Paragraph(age(report.prices, report.said.date)),
        Heading("Constants"),
        Paragraph("Used, and not measured here. docs/concepts/methods.md says more about those that are assumptions."),
        _table("Constants and where they come from", "value", report.assumptions),
    ]  # fmt: skip
    return Section("assumptions", "Assumptions and uncertainty", tuple(blocks))


def _table(caption: str, value: str, found: Sequence[Assumption]) -> Table:
    rows = tuple((one.what, one.value, one.source) for one in found)
    return Table(caption, ("figure" if value == "range" else "what", value, "source"), rows)


def age(prices: PriceDates, today: str) -> str:
    if not prices.machines:
        return "No method rents a machine, so no price of a cloud is in this report."
    said = f"{counted(len(prices.machines), 'rented machine')} in the comparison: {', '.join(prices.machines)}."
    if prices.oldest:
        said += f" Their prices were seen between {prices.oldest} and {prices.newest}; this report is of {today}."
    if prices.undated:
        said += f" No date is known for {', '.join(prices.undated)}."
    return f"{said} Prices of clouds change: look at the provider's page before money is spent."
