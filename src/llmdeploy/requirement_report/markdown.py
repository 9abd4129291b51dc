"""The report as Markdown (GitHub's). Charts are their tables."""

from __future__ import annotations

import re
from collections.abc import Iterable

from llmdeploy.html_report.markup import INVISIBLE
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

# Underscores within a word mean nothing in Markdown and stay readable: q4_k_m.
SPECIAL = re.compile(r"[\\`*|<>\[\]&~]|(?<![^\W_])_|_(?![^\W_])")
BEGINNING = re.compile(r"^(\d*)([#+=.)-])(?=[\s#+=-]|$)")
HIDDEN = re.compile(f"[{INVISIBLE}]")


def markdown(report: RequirementReport) -> str:
    parts = [f"# {escaped(title(report))}", escaped(about(report)), *map(_section, sections(report))]
    return "\n\n".join(parts) + "\n"


def escaped(text: str) -> str:
    """The text as one line in which nothing is markup."""
    return BEGINNING.sub(r"\1\\\2", SPECIAL.sub(r"\\\g<0>", _one_line(text)))


def _one_line(text: str) -> str:
    shown = HIDDEN.sub(lambda found: found[0].encode("unicode_escape").decode(), " ".join(text.split()))
    return shown.replace("\u2028", " ").replace("\u2029", " ")


def _section(section: Section) -> str:
    return "\n\n".join([f"## {escaped(section.title)}", *filter(None, map(_block, section.blocks))])


def _block(block: Block) -> str:
    match block:
        case Paragraph(text, warn):
            return f"> **Note:** {escaped(text)}" if warn else escaped(text)
        case Heading(text, level):
            return f"{'#' * level} {escaped(text)}"
        case Pairs(pairs):
            return "\n".join(f"- **{escaped(term)}**: {escaped(what)}" for term, what in pairs)
        case Points(points):
            return "\n".join(f"- {escaped(point)}" for point in points)
        case Commands(lines):
            return _commands(lines)
        case Table():
            return _table(block)
        case Chart(_, _, table, note):
            return "\n\n".join(filter(None, [_table(table), escaped(note)]))


def _commands(lines: Iterable[tuple[str, str]]) -> str:
    """A block of code, where backquotes alone could end it."""
    found = [(_one_line(command), _one_line(what)) for command, what in lines]
    width = max(len(command) for command, _ in found)
    shown = [f"{command:{width}}  # {what}".replace("```", "'''") for command, what in found]
    return "\n".join(["```sh", *shown, "```"])


def _table(table: Table) -> str:
    rule = ("---:" if index in table.figures else "---" for index in range(len(table.head)))
    lines = [_cells(map(escaped, table.head)), _cells(rule), *(_cells(map(escaped, row)) for row in table.rows)]
    return f"**{escaped(table.caption)}**\n\n" + "\n".join(lines)


def _cells(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cells)} |"
