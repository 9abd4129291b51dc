"""What each feasible method costs, part by part, and over three years."""

from __future__ import annotations

from functools import partial

from llmdeploy.html_report.line_chart import lines
from llmdeploy.html_report.markup import Markup
from llmdeploy.html_report.units import plain, share
from llmdeploy.methods.price import Price
from llmdeploy.requirement_report.blocks import Block, Chart, Paragraph, Points, Section, Table
from llmdeploy.requirement_report.costs import MONTHS, SAME
from llmdeploy.requirement_report.report import Costs, RequirementReport
from llmdeploy.requirement_report.wording import amount, money, month

HEAD = (
    "method", "machines", "spot share", "storage", "traffic out", "fixed", "write-off", "power", "rack", "spares",
    "staff", "a month", "to buy",
)  # fmt: skip
SHOWN = (0, 3, 6, 12, 24, 36)


def costs_section(report: RequirementReport) -> Section:
    priced = [(one, one.price) for one in report.feasible if one.price]
    if not priced:
        return Section("costs", "Costs", (Paragraph("No method is feasible: there is nothing to price."),))
    marked = next((index for index, (one, _) in enumerate(priced) if one.chosen), None)
    rows, figures = tuple(_row(one.shown, price) for one, price in priced), tuple(range(1, len(HEAD)))
    blocks: list[Block] = [
        Table("A month by parts, USD", HEAD, rows, figures, marked), Paragraph(_parts(report)),
        Chart(f"Cost over {MONTHS} months", partial(chart, report.costs), _spent(report.costs), _note(report.costs)),
        Points(tuple(_break_evens(report))),
    ]  # fmt: skip
    return Section("costs", "Costs", tuple(blocks))


def _row(name: str, price: Price) -> tuple[str, ...]:
    """What a method has no part in stays empty."""
    rent = (price.storage, price.egress, price.fixed)
    own = (price.write_off, price.power, price.rack, price.spares, price.staff)
    first, *others = (amount(part) if part else "" for part in (price.machines, *rent, *own))
    spot = share(price.spot_share) if price.spot_share else ""
    return (name, first, spot, *others, amount(price.month), amount(price.purchase))


def _parts(report: RequirementReport) -> str:
    need = report.need
    return (
        f"Machines: rent in the {need.busy_hours:,.0f} busy hours a month, the spot share at its own price. Fixed: "
        f"control plane and load balancer. Write-off: the purchase over {need.write_off} months."
    )


def chart(costs: Costs) -> Markup:
    """A line for each price, and a mark of its own at every break-even that the chart reaches."""
    found = [(line.name, [(float(index), usd) for index, usd in enumerate(line.spent)]) for line in costs.lines]
    reached = [one for one in costs.crossings if one.month <= MONTHS]
    marks = [(f"break-even, {month(one.month)}: {_first(one.name)}", [(one.month, one.spent)]) for one in reached]
    return lines(f"Cost over {MONTHS} months", [*found, *marks], ("month", plain), ("spent in USD", plain))


def _first(name: str) -> str:
    """Of the methods that share a line: the chart has no room for all."""
    return name.partition(SAME)[0]


def _spent(costs: Costs) -> Table:
    rows = tuple((line.name, *(amount(line.spent[index]) for index in SHOWN)) for line in costs.lines)
    head = ("method", *(f"month {index}" for index in SHOWN))
    return Table("Spent by the end of a month, USD", head, rows, tuple(range(1, len(head))))


def _note(costs: Costs) -> str:
    return "Methods that cost alike share a line." if any(SAME in line.name for line in costs.lines) else ""


def _break_evens(report: RequirementReport) -> list[str]:
    found = []
    for one in report.costs.crossings:
        beyond = "" if one.month <= MONTHS else ", beyond the chart"
        found.append(f"{one.name}: meets the cheapest rent in {month(one.month)}, at {money(one.spent)}{beyond}")
    never = [one.name for one in report.feasible if one.never]
    if never:
        found.append(f"{', '.join(never)}: never, because running it costs more than the cheapest rent")
    if report.costs.rent is None:
        found.append("There is no machine to rent that would do, so nothing has a break-even")
    return found or ["Nothing is bought, so nothing has a break-even"]
