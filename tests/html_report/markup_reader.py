"""Reads a page as a browser would, far enough to test it."""

from __future__ import annotations

from dataclasses import dataclass, field
from html.parser import HTMLParser

VOID = {"meta", "br", "col"}
INLINE = {"b", "code", "span", "q"}


@dataclass
class Element:
    name: str
    attributes: dict[str, str]
    inside: list[Element | str] = field(default_factory=list)

    @property
    def children(self) -> list[Element]:
        return [one for one in self.inside if isinstance(one, Element)]

    @property
    def text(self) -> str:
        """Its own, without that of the elements in it."""
        return "".join(one for one in self.inside if isinstance(one, str))

    def all(self, *names: str) -> list[Element]:
        """Every element below with one of these names, in order."""
        found = []
        for child in self.children:
            found += [child] if child.name in names else []
            found += child.all(*names)
        return found

    @property
    def whole_text(self) -> str:
        """As it is read, top to bottom."""
        if self.name == "style":
            return ""
        said = "".join(one if isinstance(one, str) else one.whole_text for one in self.inside)
        return said if self.name in INLINE else f" {said} "


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
        self.open[-1].inside.append(data)


def read(html: str) -> Element:
    """The document; every element must be closed where it was opened."""
    reader = _Reader()
    reader.feed(html)
    reader.close()
    assert len(reader.open) == 1, f"not closed: {[one.name for one in reader.open]}"
    return reader.open[0]
