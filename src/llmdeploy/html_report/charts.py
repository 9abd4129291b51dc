"""Charts as SVG text. Pure: figures in, one picture out; figures that are not finite or negative are left out.

Every chart has a title and says in words what it shows; series differ in shape and dash, not in colour alone. The
colours are classes of style.css. Lines over an axis are in line_chart.py. A `Unit` writes a figure with its unit.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from llmdeploy.html_report.drawing import (
    LETTER,
    WIDTH,
    Unit,
    axis_below,
    box,
    cut,
    frame,
    legend,
    line,
    mark,
    nothing,
    series,
    words,
)
from llmdeploy.html_report.markup import Markup, joined
from llmdeploy.html_report.recorded import number
from llmdeploy.html_report.scales import Scale, scale_of, usable
from llmdeploy.html_report.units import plain, share

ROW = 20.0
BAR = 22.0
ZOOM_BELOW = 0.35  # of the whole bar: parts that take less are drawn once more, larger
MOST_BINS = 24


def bars(title: str, found: Sequence[tuple[str, float]], unit: Unit) -> Markup:
    """One bar for each name, from zero, with its figure beside it."""
    rows = [(name, value) for name, value in found if usable([value])]
    if not rows:
        return nothing("bars", title)
    left = min(130.0, max(LETTER * len(name) for name, _ in rows) + 8)
    room = max(LETTER * len(unit(value)) for _, value in rows) + 8
    scale = Scale(0.0, max(value for _, value in rows) or 1.0, left, max(left + 40, WIDTH - room))
    parts = []
    for index, (name, value) in enumerate(rows):
        y = ROW * index
        parts += [
            words(left - 8, y + 14, cut(name, left - 8), "end"),
            box(left, y + 4, max(1.0, scale.at(value) - left), ROW - 8, "s1"),
            words(scale.at(value) + 6, y + 14, unit(value)),
        ]
    says = "; ".join(f"{name} {unit(value)}" for name, value in rows)
    return frame("bars", title, f"{says}.", ROW * len(rows) + 2, *parts)


def stacked_bar(
    title: str, found: Sequence[tuple[str, float]], limit: float | None, unit: Unit, limit_name: str
) -> Markup:
    """The parts of a whole one after the other, against a limit; drawn larger below where they are small."""
    parts = [(name, value) for name, value in found if usable([value])]
    total = sum(value for _, value in parts)
    bound = number(limit)
    if not parts or total <= 0:
        return nothing("stacked", title)
    says = _against(total, bound, unit, limit_name)
    scale = Scale(0.0, max(total, bound or 0.0), 0.0, WIDTH)
    end = scale.at(total)
    small = end < ZOOM_BELOW * WIDTH
    whole = box(0.0, 20.0, max(2.0, end), BAR, "whole") if small else _segments(parts, scale, 20.0)
    drawn = [words(0.0, 12.0, says), box(0.0, 20.0, WIDTH, BAR, "room"), whole]
    y = 20.0 + BAR
    if bound is not None and bound < total:
        x = scale.at(bound)
        anchor = "start" if x < WIDTH / 2 else "end"
        drawn += [line(x, 16.0, x, y + 5, "bound"), words(x, y + 17, f"{limit_name} ends here", anchor, "small")]
        y += 18
    if small:
        drawn += [line(0.0, y, 0.0, y + 16, "zoom"), line(end, y, WIDTH, y + 16, "zoom")]
        drawn.append(_segments(parts, Scale(0.0, total, 0.0, WIDTH), y + 16))
        y += 16 + BAR
    rows, height = _parts_legend(parts, total, y + 18, unit)
    spoken = "; ".join(f"{name} {unit(value)}" for name, value in parts)
    return frame("stacked", title, f"{says}: {spoken}.", height, *drawn, rows)


def _against(total: float, limit: float | None, unit: Unit, limit_name: str) -> str:
    if limit is None or limit < 0:
        return f"needs {unit(total)}"
    if total > limit:
        return f"needs {unit(total)}, and only {unit(limit)} is {limit_name}: does not fit"
    return f"needs {unit(total)} of {unit(limit)} {limit_name} ({share(total / limit)})"


def _segments(parts: Sequence[tuple[str, float]], scale: Scale, y: float) -> Markup:
    """Each part with its number in the legend where there is room for it."""
    drawn, before = [], 0.0
    for index, (_, value) in enumerate(parts):
        start, end = scale.at(before), scale.at(before + value)
        drawn.append(box(start, y, end - start, BAR, f"part {series(index)}"))
        if end - start >= 14:
            drawn.append(words((start + end) / 2, y + 15.5, str(index + 1), "middle", "onpart"))
        before += value
    return joined(drawn)


def _parts_legend(parts: Sequence[tuple[str, float]], total: float, y: float, unit: Unit) -> tuple[Markup, float]:
    drawn = []
    for index, (name, value) in enumerate(parts):
        drawn += [
            box(0.0, y - 11, 14.0, 14.0, f"part {series(index)}"),
            words(7.0, y, str(index + 1), "middle", "onpart small"),
            words(22.0, y, cut(name, 170.0)),
            words(WIDTH - 84, y, unit(value), "end"),
            words(WIDTH, y, share(value / total), "end"),
        ]
        y += 19
    return joined(drawn), y - 8


def dots(
    title: str,
    rows: Sequence[str],
    found: Sequence[tuple[str, Sequence[float | None]]],
    bound: tuple[str, float] | None,
    unit: Unit,
) -> Markup:
    """For each row one mark a series, against a bound that has a name; logarithmic where figures lie far apart."""
    values = usable(value for _, one in found for value in one)
    if not values:
        return nothing("dots", title)
    limit = bound[1] if bound and usable([bound[1]]) else None
    left = max(LETTER * len(row) for row in rows) + 10
    scale = scale_of([*values, limit] if limit is not None else values, left + 4, WIDTH - 8)
    drawn, top = legend([name for name, _ in found], 12.0)
    top += 6 if limit is None else 18
    bottom = top + 26 * len(rows)
    parts = [drawn, axis_below(scale, top, bottom, unit)]
    if bound and limit is not None:
        parts += _bound_line(bound[0], scale.at(limit), top, bottom)
    for place, row in enumerate(rows):
        y = top + 26 * place + 13
        parts += [words(left - 6, y + 4, row, "end"), line(left, y, WIDTH, y, "grid")]
        for index, (_, one) in enumerate(found):
            if place < len(one) and (value := number(one[place])) is not None and value >= 0:
                parts.append(mark(index, scale.at(value), y + 9 * (index - (len(found) - 1) / 2)))
    if scale.logarithmic:
        parts.append(words(WIDTH, bottom + 29, "logarithmic scale", "end", "small"))
    return frame("dots", title, _spoken(rows, found, bound, unit), bottom + 34, *parts)


def _bound_line(name: str, x: float, top: float, bottom: float) -> list[Markup]:
    """The bound's name stands above the plot, where no tick can be."""
    name = cut(name, WIDTH)
    half = LETTER * len(name) / 2
    return [
        line(x, top - 10, x, bottom, "bound"),
        words(min(max(x, half), WIDTH - half), top - 14, name, "middle", "small"),
    ]


def _spoken(
    rows: Sequence[str],
    found: Sequence[tuple[str, Sequence[float | None]]],
    bound: tuple[str, float] | None,
    unit: Unit,
) -> str:
    said = []
    for name, values in found:
        pairs = [(row, number(value)) for row, value in zip(rows, values, strict=False)]
        said.append(f"{name}: " + ", ".join(f"{row} {unit(value)}" for row, value in pairs if value is not None))
    return "; ".join([*said, bound[0]] if bound else said) + "."


def histogram(title: str, found: Sequence[float], unit: Unit) -> Markup:
    """How many of the values lie where, with their median."""
    values = sorted(usable(found))
    if not values:
        return nothing("histogram", title)
    low, high, middle = values[0], values[-1], values[(len(values) - 1) // 2]
    counts = _counts(values)
    width, base = WIDTH / len(counts), 74.0
    tall = max(counts)
    drawn = [
        box(width * index + 1, base - 54 * count / tall, width - 2, 54 * count / tall, "s1")
        for index, count in enumerate(counts)
        if count
    ]
    says = f"{len(values)} values from {unit(low)} to {unit(high)}, median {unit(middle)}"
    parts = [words(0.0, 12.0, says), *drawn, line(0.0, base, WIDTH, base, "axis")]
    if high > low:
        parts += [words(0.0, base + 15, unit(low), kind="small"), words(WIDTH, base + 15, unit(high), "end", "small")]
    parts.append(words(WIDTH / 2, base + 15, f"highest bar: {plain(tall)}", "middle", "small"))
    return frame("histogram", title, f"{says}.", base + 20, *parts)


def _counts(values: Sequence[float]) -> list[int]:
    """About the square root of the count as bins of equal width, between 5 and `MOST_BINS`."""
    bins = min(MOST_BINS, max(5, math.isqrt(len(values)) * 2))
    low, span = values[0], values[-1] - values[0]
    counts = [0] * bins
    for value in values:
        part = (value - low) / span if span > 0 else 0.5
        counts[min(bins - 1, int(part * bins))] += 1
    return counts
