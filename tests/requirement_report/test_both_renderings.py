"""Markdown and HTML say the same, whatever was decided."""

from __future__ import annotations

import re

import pytest

from llmdeploy.requirement_report import html, markdown
from tests.requirement_report import examples
from tests.requirement_report.reading import figures, tables, text_of, unescaped

EVERY = pytest.mark.parametrize("kind", examples.ALL)
SECTIONS = (
    "Decision", "Requirements as understood", "Resources of the chosen plan", "Every method considered", "Costs",
    "How the score is made", "Assumptions and uncertainty", "Next commands",
)  # fmt: skip


@EVERY
def test_both_hold_the_same_figures_in_the_same_order(kind: str) -> None:
    report = examples.ALL[kind]()
    page, text = figures(text_of(html(report))), figures(unescaped(markdown(report)))
    assert page == text
    assert len(page) > 50


@EVERY
def test_every_section_is_there_in_order(kind: str) -> None:
    written = markdown(examples.ALL[kind]())
    assert tuple(re.findall(r"^## (.*)$", written, re.MULTILINE)) == SECTIONS


@EVERY
def test_every_method_is_there_with_its_reason_or_its_price(kind: str) -> None:
    report = examples.ALL[kind]()
    for said in (text_of(html(report)), unescaped(markdown(report))):
        for method in report.methods:
            assert method.name in said
            assert method.reason in said
            for point in (*method.pros, *method.cons):
                assert point in said


@EVERY
def test_no_figure_is_missing_or_endless(kind: str) -> None:
    report = examples.ALL[kind]()
    for written in (html(report), markdown(report)):
        assert not re.search(
            r"\b(nan|inf|None)\b|\(\)|  +\.", re.sub(r"<style>.*?</style>", "", written, flags=re.DOTALL)
        )


@EVERY
def test_tables_of_markdown_are_well_formed(kind: str) -> None:
    written = markdown(examples.ALL[kind]())
    found = tables(written)
    assert found
    for table in found:
        assert len({len(row) for row in table}) == 1, table
        assert all(re.fullmatch(r"---:?", cell) for cell in table[1])
        assert len(table) > 2
    lines = written.splitlines()
    for index, line in enumerate(lines):
        if line.startswith("|") and not lines[index - 1].startswith("|"):
            assert lines[index - 1] == "", "a table begins after an empty line"


def test_the_same_report_is_written_the_same_way_twice() -> None:
    report = examples.bought()
    assert html(report) == html(report)
    assert markdown(report) == markdown(report)


def test_nothing_that_others_wrote_becomes_markup() -> None:
    report = examples.hostile()
    page, text = html(report), markdown(report)
    assert "<script" not in page
    for written in (page, text):
        assert "\x1b" not in written
    prose = re.sub(r"```sh.*?\n```", "", text, flags=re.DOTALL)
    assert not re.search(r"(?<!\\)(?:\\\\)*<", prose), "no HTML in Markdown"
    assert not re.search(r"(?<!\\)(?:\\\\)*(`|\*x|\[y|~~)", prose)
    assert tuple(re.findall(r"^## (.*)$", text, re.MULTILINE)) == SECTIONS
    assert len({len(row) for row in tables(text)[0]}) == 1
    assert text_of(page).count("<script>alert(1)</script>") > 20
    assert unescaped(text).count("<script>alert(1)</script>") > 20
