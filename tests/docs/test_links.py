"""Every relative link of every page leads to a file, and its fragment to a heading."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.checkout import ROOT
from tests.docs.markdown import FENCE, links, pages, read


def anchors(path: Path) -> set[str]:
    """The names under which the headings of a page can be reached, as Git forges make them."""
    headings = re.findall(r"^#+ +(.+)$", FENCE.sub("", read(path)), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).strip().replace(" ", "-") for heading in headings}


def broken(path: Path) -> list[str]:
    found = []
    for link in links(path):
        if re.match(r"[a-z]+:", link):
            continue
        name, _, fragment = link.partition("#")
        target = (path.parent / name) if name else path
        if not (ROOT / target).exists():
            found.append(f"{link}: no such file")
        elif fragment and fragment not in anchors(target):
            found.append(f"{link}: no such heading")
    return found


@pytest.mark.parametrize("path", pages(), ids=str)
def test_relative_links_resolve(path: Path) -> None:
    assert broken(path) == []


def test_pages_link_relatively() -> None:
    """A link from the root of a host works in no clone."""
    assert [(str(path), link) for path in pages() for link in links(path) if link.startswith("/")] == []


def test_every_page_of_docs_can_be_reached_from_the_readme() -> None:
    reached, todo = set(), [Path("README.md")]
    while todo:
        path = todo.pop()
        if path in reached or path.suffix != ".md":
            continue
        reached.add(path)
        inner = [link.partition("#")[0] for link in links(path) if not re.match(r"[a-z]+:", link)]
        todo += [
            (ROOT / path.parent / name).resolve().relative_to(ROOT.resolve())
            for name in inner
            if name and (ROOT / path.parent / name).is_file()
        ]
    assert [str(path) for path in pages() if path.parts[0] == "docs" and path not in reached] == []
