"""One or more lines over a common axis: cost over months, latency against load."""

from __future__ import annotations

from collections.abc import Sequence

from llmdeploy.html_report.drawing import (
    DASHES,
    LETTER,
    WIDTH,
    Unit,
    axis_below,
    cut,
    frame,
    legend,
    line,
    mark,
    nothing,
    points,
    series,
    words,
)
from llmdeploy.html_report.markup import Markup, joined, tag
from llmdeploy.html_report.recorded import number
from llmdeploy.html_report.scales import Scale, linear_scale

PLOT = 160.0
MOST_MARKS = 12  # of a line; with more points only its ends are marked
MOST_LEFT = 120.0  # for the figures of the axis
Points = Sequence[tuple[float, float]]


def lines(
    title: str,
    found: Sequence[tuple[str, Points]],
    across: tuple[str, Unit],
    upward: tuple[str, Unit],
    bound: tuple[str, float] | None = None,
) -> Markup:
    """Lines by name, each with its points (x, y); an axis is its name and its unit; y begins at zero.

    Points that are not finite or below zero are left out. `bound` is a level with a name, drawn across.
    """
    kept = [(name, _usable(one)) for name, one in found]
    flat = [place for _, one in kept for place in one]
    if not flat:
        return nothing("lines", title)
    limit = number(bound[1]) if bound else None
    heights = [y for _, y in flat] + ([limit] if limit is not None else [])
    drawn, top = legend([name for name, _ in kept], 28.0)
    top += 10 if limit is not None else 0  # the bound's name may stand above the plot
    bottom = top + PLOT
    rise = linear_scale(heights, bottom, top, from_zero=True)
    left = min(MOST_LEFT, max(LETTER * len(upward[1](value)) for value in rise.ticks) + 6)
    run = linear_scale([x for x, _ in flat], left, WIDTH - 8, from_zero=False)
    parts = [words(0.0, 11.0, cut(upward[0], WIDTH)), drawn, axis_below(run, top, bottom, across[1])]
    parts += [_axis_left(rise, left, upward[1]), words(WIDTH - 8, bottom + 29, cut(across[0], WIDTH), "end")]
    if bound and limit is not None:
        y = rise.at(limit)
        parts += [
            line(left, y, WIDTH - 8, y, "bound"),
            words(left + 4, y - 4, cut(bound[0], WIDTH - left), kind="small"),
        ]
    parts += [_line(index, one, run, rise) for index, (_, one) in enumerate(kept) if one]
    return frame("lines", title, _spoken(kept, across[1], upward[1], bound), bottom + 35, *parts)


def _usable(found: Points) -> list[tuple[float, float]]:
    places = [(number(x), number(y)) for x, y in found]
    return sorted((x, y) for x, y in places if x is not None and y is not None and y >= 0)


def _axis_left(scale: Scale, left: float, unit: Unit) -> Markup:
    parts = []
    for value in scale.ticks:
        y = scale.at(value)
        parts += [line(left, y, WIDTH - 8, y, "grid"), words(left - 4, y + 4, cut(unit(value), left), "end", "small")]
    return joined(parts)


def _line(index: int, found: Sequence[tuple[float, float]], run: Scale, rise: Scale) -> Markup:
    places = [(run.at(x), rise.at(y)) for x, y in found]
    drawn = tag(
        "polyline",
        points=points(places),
        class_=f"line {series(index)}",
        stroke_dasharray=DASHES[index % len(DASHES)],
    )
    marked = places if len(places) <= MOST_MARKS else [places[0], places[-1]]
    return joined((drawn, *(mark(index, x, y, 3.5) for x, y in marked)))


def _spoken(
    found: Sequence[tuple[str, Sequence[tuple[float, float]]]],
    across: Unit,
    upward: Unit,
    bound: tuple[str, float] | None,
) -> str:
    said = []
    for name, one in found:
        if one:
            (x1, y1), (x2, y2) = one[0], one[-1]
            said.append(f"{name}: {upward(y1)} at {across(x1)}, {upward(y2)} at {across(x2)}")
    return "; ".join([*said, bound[0]] if bound else said) + "."
