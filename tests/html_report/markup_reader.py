"""Reads a page as a browser would, far enough to test it."""

from __future__ import annotations

from dataclasses import dataclass, field
from html.parser import HTMLParser

VOID = {"meta", "br", "col"}


@dataclass
class Element:
    name: str
    attributes: dict[str, str]
    text: str = ""
    inside: list[Element] = field(default_factory=list)

    def all(self, *names: str) -> list[Element]:
        """Every element below with one of these names, in order."""
        found = []
        for child in self.inside:
            found += [child] if child.name in names else []
            found += child.all(*names)
        return found

    @property
    def whole_text(self) -> str:
        return self.text + "".join(f" {child.whole_text}" for child in self.inside if child.name != "style")


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.open = [Element("document", {})]

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        element = Element(tag, {key: value or "" for key, value in attrs})
        self.open[-1].inside.append(element)
        if tag not in VOID:
            self.open.append(element)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop().name == tag, f"</{tag}> closes something else"

    def handle_data(self, data: str) -> None:
        self.open[-1].text += data


def read(html: str) -> Element:
    """The document; every element must be closed where it was opened."""
    reader = _Reader()
    reader.feed(html)
    reader.close()
    assert len(reader.open) == 1, f"not closed: {[one.name for one in reader.open]}"
    return reader.open[0]
