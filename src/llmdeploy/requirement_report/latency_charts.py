"""TTFT and ITL from one request at once to twice the places."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import partial
from typing import Final

from llmdeploy.html_report.drawing import Unit
from llmdeploy.html_report.line_chart import lines
from llmdeploy.html_report.markup import Markup
from llmdeploy.html_report.scales import WIDE_RATIO
from llmdeploy.html_report.units import milliseconds, plain
from llmdeploy.methods.need import Need
from llmdeploy.requirement_report.blocks import Block, Chart, Paragraph, Table
from llmdeploy.requirement_report.report import LoadPoint, Machines
from llmdeploy.requirement_report.wording import counted, ms

ACROSS: Final = "requests at once"
ENDLESS: Final = "grows without end"
Series = list[tuple[str, list[tuple[float, float]]]]


def latency_charts(one: Machines, need: Need) -> tuple[Block, ...]:
    said = (
        f"Arriving at random: from {counted(one.places, 'request')} on, where every place is taken, the queue grows "
        "without end. Asking in turn: exactly so many users, each waits for the last answer before it asks again. The "
        "decision counts with every place taken, so its figures lie above these at the planned load."
    )
    return (
        Chart("TTFT of 95 of 100 requests", partial(ttft_chart, one, need), _ttft_table(one.loads)),
        Chart("ITL", partial(itl_chart, one, need), _itl_table(one.loads)),
        Paragraph(said),
    )


def ttft_chart(one: Machines, need: Need) -> Markup:
    arriving = [(point.load, point.arriving * 1000) for point in one.loads if point.arriving is not None]
    fixed = [(point.load, point.fixed * 1000) for point in one.loads]
    found = [("arriving at random", arriving), ("asking in turn", fixed)]
    return _chart("TTFT p95", found, one, need.ttft * 1000)


def itl_chart(one: Machines, need: Need) -> Markup:
    return _chart("ITL", [("ITL", [(point.load, point.itl * 1000) for point in one.loads])], one, need.itl * 1000)


def _chart(what: str, found: Series, one: Machines, slo: float) -> Markup:
    """Upright lines stand at the planned load and at the last place."""
    values = [y for _, points in found for _, y in points] + [slo]
    base = decade(values)
    top = _bent(max(values), base)
    drawn = [(name, [(x, _bent(y, base)) for x, y in points]) for name, points in found]
    upright = ((f"planned: {plain(one.planned)}", one.planned), (f"all {one.places:,} places taken", float(one.places)))
    drawn += [(name, [(load, 0.0), (load, top)]) for name, load in upright]
    axis = (f"{what} in ms{', logarithmic' if base else ''}", _unit(base))
    bound = (f"SLO {milliseconds(slo)}", _bent(slo, base))
    return lines(f"{what} against load", drawn, (ACROSS, plain), axis, bound)


def decade(values: Sequence[float]) -> float | None:
    """The power of ten at which a logarithmic axis begins; null where a linear one shows everything.

    It spans more than two decades, so that an axis of few ticks names powers of ten alone.
    """
    low, high = min(values), max(values)
    if low <= 0 or high / low <= WIDE_RATIO:
        return None
    return float(10.0 ** min(math.floor(math.log10(low)), math.ceil(math.log10(high)) - 3))


def _bent(value: float, base: float | None) -> float:
    return value if base is None else math.log10(value / base)


def _unit(base: float | None) -> Unit:
    return plain if base is None else lambda bent: plain(base * 10**bent)


def _ttft_table(loads: Sequence[LoadPoint]) -> Table:
    rows = tuple((plain(one.load), ms(one.arriving) or ENDLESS, ms(one.fixed)) for one in loads)
    return Table("TTFT p95 against load, ms", (ACROSS, "arriving at random", "asking in turn"), rows, (1, 2))


def _itl_table(loads: Sequence[LoadPoint]) -> Table:
    rows = tuple((plain(one.load), ms(one.itl)) for one in loads)
    return Table("ITL against load, ms", (ACROSS, "ITL"), rows, (1,))
