"""Writes HTML and SVG. Every text is escaped unless it is `Markup`, which is made by `tag` and its kind."""

from __future__ import annotations

import re
from collections.abc import Iterable

# Nothing of this is visible, and some of it is not allowed in a page or turns the direction of what follows: control
# characters (but tab and newline), lone surrogates, U+FFFE and U+FFFF, and the bidirectional controls of Unicode TR9.
INVISIBLE = "\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069\ud800-\udfff\ufffe\uffff"
SPECIAL = re.compile(f"[&<>\"'{INVISIBLE}]")
ENTITIES = {"&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "'": "&#x27;"}
VOID = ("meta", "br", "col")


class Markup(str):
    """A text that is markup already."""

    __slots__ = ()


def shown(text: object) -> Markup:
    """The text as a page shows it: escaped, and what is invisible written as `\\x1b`. `Markup` stays as it is."""
    if isinstance(text, Markup):
        return text
    return Markup(SPECIAL.sub(_written, str(text)))


def _written(found: re.Match[str]) -> str:
    return ENTITIES.get(found[0]) or found[0].encode("unicode_escape").decode()


def joined(parts: Iterable[object]) -> Markup:
    return Markup("".join(shown(part) for part in parts))


def tag(name: str, *content: object, **attributes: object) -> Markup:
    """An element. `class_` is written `class`, other underscores as dashes; an attribute that is None is left out."""
    written = "".join(
        f' {key.rstrip("_").replace("_", "-")}="{_attribute(value)}"'
        for key, value in attributes.items()
        if value is not None
    )
    if name in VOID:
        return Markup(f"<{name}{written}>")
    return Markup(f"<{name}{written}>{joined(content)}</{name}>")


def _attribute(value: object) -> str:
    """Coordinates to a hundredth of a unit: finer than any screen shows."""
    if isinstance(value, float):
        return f"{value:.2f}".rstrip("0").rstrip(".")
    return shown(str(value))


def table(caption: str, head: Iterable[object], rows: Iterable[Iterable[object]], *, kind: str | None = None) -> Markup:
    """A table whose first column names its row. Without rows there is no table."""
    body = [tag("tr", *_cells(row)) for row in rows]
    if not body:
        return Markup()
    return tag(
        "table",
        tag("caption", caption),
        tag("thead", tag("tr", *(tag("th", one, scope="col") for one in head))),
        tag("tbody", *body),
        class_=kind,
    )


def _cells(row: Iterable[object]) -> Iterable[Markup]:
    for index, cell in enumerate(row):
        yield tag("td", cell) if index else tag("th", cell, scope="row")


def bullets(points: Iterable[object], name: str = "ul") -> Markup:
    """A list, or nothing where there are no points."""
    found = [tag("li", point) for point in points]
    return tag(name, *found) if found else Markup()


def pairs(found: Iterable[tuple[str, object]]) -> Markup:
    """Terms and what they are; a term without a value is left out."""
    return tag("dl", *(tag("div", tag("dt", term), tag("dd", value)) for term, value in found if value != ""))
