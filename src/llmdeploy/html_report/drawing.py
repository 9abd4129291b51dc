"""The parts that every chart is made of: frame, words, marks, axis and legend. Sizes are viewBox units."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from llmdeploy.html_report.markup import Markup, joined, tag
from llmdeploy.html_report.scales import Scale

Unit = Callable[[float], str]

WIDTH = 360.0  # about the width of a phone's page, where one unit is one pixel and the text of 12 can be read
LETTER = 6.8  # width of a letter at a size of 12, on the safe side
DASHES = (None, "7 3", "2 3", "9 3 2 3")  # of lines
SERIES = 6  # colours in the style


def frame(kind: str, title: str, says: str, height: float, *content: object) -> Markup:
    """A picture with its name and, in words, what it shows."""
    return tag(
        "svg",
        tag("title", title),
        tag("desc", says),
        *content,
        xmlns="http://www.w3.org/2000/svg",
        viewBox=f"0 0 {WIDTH:g} {height:g}",
        role="img",
        class_=f"chart {kind}",
    )


def words(x: float, y: float, said: str, anchor: str = "start", kind: str | None = None) -> Markup:
    return tag("text", said, x=x, y=y, text_anchor=None if anchor == "start" else anchor, class_=kind)


def cut(said: str, room: float) -> str:
    """The text, shortened to fit into so many units."""
    most = max(1, int(room / LETTER))
    return said if len(said) <= most else said[: most - 1].rstrip() + "…"


def line(x1: float, y1: float, x2: float, y2: float, kind: str) -> Markup:
    return tag("line", x1=x1, y1=y1, x2=x2, y2=y2, class_=kind)


def box(x: float, y: float, width: float, height: float, kind: str) -> Markup:
    return tag("rect", x=x, y=y, width=max(0.0, width), height=height, class_=kind)


def series(index: int) -> str:
    """The style of the series: its colour. What tells series apart without colour is `mark` and `DASHES`."""
    return f"s{index % SERIES + 1}"


def mark(index: int, x: float, y: float, radius: float = 4.5) -> Markup:
    """Circle, diamond, square, triangle, and again."""
    kind = f"mark {series(index)}"
    if index % 4 == 0:
        return tag("circle", cx=x, cy=y, r=radius, class_=kind)
    reach = radius * 1.25
    corners = (
        (),
        ((0, -reach), (reach, 0), (0, reach), (-reach, 0)),
        ((-radius, -radius), (radius, -radius), (radius, radius), (-radius, radius)),
        ((0, -reach), (reach, radius), (-reach, radius)),
    )[index % 4]
    return tag("polygon", points=points([(x + dx, y + dy) for dx, dy in corners]), class_=kind)


def points(places: Sequence[tuple[float, float]]) -> str:
    return " ".join(f"{x:.2f},{y:.2f}" for x, y in places)


def legend(names: Sequence[str], y: float, x: float = 6.0) -> tuple[Markup, float]:
    """The series by their marks, in as many rows as they need; also the y of the next free row."""
    parts, left = [], x
    for index, name in enumerate(names):
        name = cut(name, WIDTH - x - 20)
        room = 14 + LETTER * len(name) + 12
        if left > x and left + room > WIDTH:
            left, y = x, y + 18
        parts += [mark(index, left, y - 4), words(left + 10, y, name)]
        left += room
    return joined(parts), y + 18


def axis_below(scale: Scale, top: float, bottom: float, unit: Unit) -> Markup:
    """Grid lines at the scale's round figures, each named below; names that would touch are left out."""
    parts, free = [], float("-inf")
    for value in scale.ticks:
        x, said = scale.at(value), unit(value)
        parts.append(line(x, top, x, bottom, "grid"))
        half = LETTER * len(said) / 2
        middle = min(max(x, half), WIDTH - half)
        if middle - half >= free:
            parts.append(words(middle, bottom + 14, said, "middle", "small"))
            free = middle + half + 4
    return joined(parts)


def nothing(kind: str, title: str) -> Markup:
    """In place of a chart without figures."""
    return frame(kind, title, "No figures.", 24.0, words(0.0, 16.0, "no figures"))
