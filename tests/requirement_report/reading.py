"""Reads both renderings as text, and charts as pictures."""

from __future__ import annotations

import re
from xml.etree import ElementTree as ET

from tests.html_report.markup_reader import Element, read

SVG = "{http://www.w3.org/2000/svg}"
NUMBER = re.compile(r"\d[\d,.]*\d|\d")
PUNCTUATION = re.compile(r"\\([!-/:-@\[-`{-~])")
DRAWN = ("style", "svg", "title", "figcaption")  # pictures repeat what their tables say


def text_of(page: str) -> str:
    return " ".join(_text(read(page)).split())


def _text(element: Element) -> str:
    if element.name in DRAWN:
        return ""
    return " ".join(one if isinstance(one, str) else _text(one) for one in element.inside)


def unescaped(markdown: str) -> str:
    """As a person reads it."""
    return " ".join(PUNCTUATION.sub(r"\1", markdown).split())


def figures(text: str) -> list[str]:
    return NUMBER.findall(text)


def pictures(page: str) -> list[ET.Element]:
    return [ET.fromstring(one) for one in re.findall(r"<svg .*?</svg>", page, re.DOTALL)]  # noqa: S314 - our own


def said_in(picture: ET.Element) -> list[str]:
    return [str(one.text) for one in picture.iter(f"{SVG}text")]


def places(picture: ET.Element) -> list[list[tuple[float, float]]]:
    """The points of every line, in order."""
    found = [str(one.get("points")).split() for one in picture.iter(f"{SVG}polyline")]
    return [[(float(x), float(y)) for x, y in (place.split(",") for place in line)] for line in found]


def tables(markdown: str) -> list[list[list[str]]]:
    """Every table as rows of cells; a bar that is escaped does not part them."""
    found: list[list[list[str]]] = []
    inside = False
    for line in markdown.splitlines():
        if line.startswith("|"):
            cells = re.split(r"(?<!\\)(?:\\\\)*\|", line)
            if not inside:
                found.append([])
            found[-1].append([cell.strip() for cell in cells[1:-1]])
        inside = line.startswith("|")
    return found
