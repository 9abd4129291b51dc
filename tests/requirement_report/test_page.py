"""The page: one file that asks for nothing, and that everybody can read."""

from __future__ import annotations

import hashlib
import re
from base64 import b64encode
from itertools import pairwise

import pytest

from llmdeploy.requirement_report import html
from tests.html_report.markup_reader import Element, read
from tests.requirement_report import examples

EVERY = pytest.mark.parametrize("kind", examples.ALL)


def every(element: Element) -> list[Element]:
    return [element, *(found for child in element.children for found in every(child))]


@EVERY
def test_the_page_runs_and_loads_nothing_and_links_to_itself_alone(kind: str) -> None:
    page = read(html(examples.ALL[kind]()))
    assert page.all("script", "link", "img", "iframe", "object", "embed", "form", "base", "audio", "video") == []
    for one in every(page):
        assert not {"src", "style", "xlink:href", "action"} & one.attributes.keys()
        assert not [key for key in one.attributes if key.startswith("on")]
    addresses = {value for one in every(page) for value in one.attributes.values() if "://" in value}
    assert addresses <= {"http://www.w3.org/2000/svg"}
    ids = [one.attributes["id"] for one in every(page) if "id" in one.attributes]
    assert [one.attributes["href"] for one in page.all("a")] == [f"#{name}" for name in ids]
    assert len(set(ids)) == len(ids)
    (style,) = page.all("style")
    assert "url(" not in style.text
    assert "@import" not in style.text


def test_the_policy_allows_our_own_style_and_nothing_else() -> None:
    page = read(html(examples.bought()))
    (policy,) = [one.attributes["content"] for one in page.all("meta") if "http-equiv" in one.attributes]
    digest = b64encode(hashlib.sha256(page.all("style")[0].text.encode()).digest()).decode()
    assert policy == f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"


@EVERY
def test_the_page_can_be_read_aloud(kind: str) -> None:
    page = read(html(examples.ALL[kind]()))
    assert page.all("html")[0].attributes["lang"] == "en"
    levels = [int(one.name[1]) for one in every(page) if re.fullmatch(r"h\d", one.name)]
    assert levels.count(1) == 1
    assert all(after - before <= 1 for before, after in pairwise(levels))
    for table in page.all("table"):
        assert table.all("caption")[0].text
        assert all(one.attributes.get("scope") in ("row", "col") for one in table.all("th"))


@EVERY
def test_every_row_has_as_many_cells_as_the_head(kind: str) -> None:
    for table in read(html(examples.ALL[kind]())).all("table"):
        (width,) = {len(row.all("th")) for row in table.all("thead")[0].all("tr")}
        for row in table.all("tbody")[0].all("tr"):
            assert sum(int(cell.attributes.get("colspan", "1")) for cell in row.all("th", "td")) == width


def test_cells_of_wide_tables_name_their_column_for_phones() -> None:
    page = read(html(examples.bought()))
    (methods,) = [one for one in page.all("table") if one.all("caption")[0].text.startswith("Methods")]
    names = [one.text for one in methods.all("thead")[0].all("th")]
    for row in methods.all("tbody")[0].all("tr"):
        labels = [cell.attributes["data-label"] for cell in row.all("td")]
        assert labels == names[1 : 1 + len(labels)]


def test_the_chosen_row_is_told_by_a_word() -> None:
    page = read(html(examples.bought()))
    marked = [row for row in page.all("tr") if row.attributes.get("class") == "chosen"]
    assert len(marked) == 3
    assert all("(chosen)" in row.all("th")[0].text for row in marked)
