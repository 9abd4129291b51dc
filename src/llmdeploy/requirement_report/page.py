"""The report as one page that loads nothing and runs nothing."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from llmdeploy.html_report.markup import Markup, bullets, pairs, tag
from llmdeploy.html_report.page import head
from llmdeploy.requirement_report.blocks import (
    Block,
    Chart,
    Commands,
    Heading,
    Pairs,
    Paragraph,
    Points,
    Section,
    Table,
)
from llmdeploy.requirement_report.report import RequirementReport
from llmdeploy.requirement_report.sections import about, sections, title

WIDE = 5  # columns from which a phone shows each row as a card
MANY_EMPTY = 5  # cells at the end of a row, whose room the last one that says something takes


def html(report: RequirementReport) -> str:
    """The whole document."""
    found = sections(report)
    header = tag("header", tag("h1", title(report)), tag("p", about(report), class_="quiet"), _contents(found))
    body = tag("body", tag("main", header, *map(_section, found)))
    return f"<!doctype html>\n{tag('html', head(title(report), style()), body, lang='en')}\n"


def style() -> str:
    """What this page adds to the stylesheet of reports."""
    return Path(__file__).with_name("requirements.css").read_text(encoding="utf-8")


def _contents(found: Iterable[Section]) -> Markup:
    links = (tag("li", tag("a", one.title, href=f"#{one.id}")) for one in found)
    return tag("nav", tag("ul", *links, class_="contents"), aria_label="Contents")


def _section(section: Section) -> Markup:
    return tag("section", tag("h2", section.title, id=section.id), *map(_block, section.blocks))


def _block(block: Block) -> Markup:
    match block:
        case Paragraph(text, warn):
            return tag("p", text, class_="warn" if warn else None)
        case Heading(text, level):
            return tag(f"h{level}", text)
        case Pairs(found):
            return pairs(found)
        case Points(points):
            return bullets(points)
        case Commands(lines):
            return _commands(lines)
        case Table():
            return _table(block)
        case Chart():
            return _chart(block)


def _commands(lines: Iterable[tuple[str, str]]) -> Markup:
    found = (tag("div", tag("dt", tag("code", command)), tag("dd", what)) for command, what in lines)
    return tag("dl", *found, class_="commands")


def _chart(chart: Chart) -> Markup:
    """The picture beside its figures."""
    note = tag("p", chart.note, class_="quiet") if chart.note else ""
    picture = tag("figure", tag("figcaption", chart.title), chart.draw(), note)
    return tag("div", picture, _table(chart.table), class_="beside")


def _table(table: Table) -> Markup:
    names = (tag("th", name, scope="col", class_=_kind(table, place)) for place, name in enumerate(table.head))
    return tag(
        "table",
        tag("caption", table.caption),
        tag("thead", tag("tr", *names)),
        tag("tbody", *(_row(table, index, row) for index, row in enumerate(table.rows))),
        class_="wide" if _is_wide(table) else "narrow",
    )


def _row(table: Table, index: int, row: tuple[str, ...]) -> Markup:
    last = max((place for place, cell in enumerate(row) if cell), default=0)
    empty = len(row) - 1 - last
    shown = row[: last + 1] if empty >= MANY_EMPTY else row
    cells = [
        tag(
            "td",
            cell,
            class_=_kind(table, place),
            data_label=table.head[place] if _is_wide(table) else None,
            colspan=empty + 1 if len(shown) < len(row) and place == last else None,
        )
        for place, cell in enumerate(shown)
        if place
    ]
    return tag("tr", tag("th", row[0], scope="row"), *cells, class_="chosen" if index == table.marked else None)


def _is_wide(table: Table) -> bool:
    return len(table.head) >= WIDE


def _kind(table: Table, place: int) -> str | None:
    return "figure" if place in table.figures else None
