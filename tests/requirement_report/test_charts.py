"""Charts: sound pictures, with figures where they belong, that can be read without colour."""

from __future__ import annotations

import re
from itertools import pairwise

import pytest

from llmdeploy.html_report.drawing import WIDTH
from llmdeploy.requirement_report import html
from llmdeploy.requirement_report.costs import MONTHS
from llmdeploy.requirement_report.costs_section import chart
from llmdeploy.requirement_report.latency_charts import decade
from llmdeploy.requirement_report.memory_chart import memory_chart
from llmdeploy.requirement_report.page import style
from tests.requirement_report import examples
from tests.requirement_report.reading import SVG, pictures, places, said_in

COLOURS = ("light", "dark", "print")
NEIGHBOURS, APART = 8.0, 3.0  # steps of lightness (CIE L*, 0 to 100); contrast of graphics (WCAG 2.2, 1.4.11)


@pytest.mark.parametrize("kind", examples.ALL)
def test_every_picture_is_well_formed_and_says_in_words_what_it_shows(kind: str) -> None:
    for picture in pictures(html(examples.ALL[kind]())):
        assert picture.get("role") == "img"
        assert picture.findtext(f"{SVG}title")
        assert picture.findtext(f"{SVG}desc")
        _, _, width, height = map(float, picture.get("viewBox", "").split())
        assert width == WIDTH
        for one in picture.iter():
            assert all(-0.01 <= float(one.get(key, 0)) <= WIDTH + 0.01 for key in ("x", "x1", "x2", "cx"))
            assert all(-0.01 <= float(one.get(key, 0)) <= height + 0.01 for key in ("y", "y1", "y2", "cy"))


def test_every_picture_stands_beside_the_same_figures_as_a_table() -> None:
    page = html(examples.bought())
    pairs = re.findall(r'<div class="beside"><figure>.*?</figure><table', page, re.DOTALL)
    assert len(pairs) == len(pictures(page)) == 4


def test_axes_have_names_and_units() -> None:
    memory, ttft, itl, cost = (said_in(one) for one in pictures(html(examples.bought())))
    assert "GiB of the device" in memory
    assert any(text.startswith("TTFT p95 in ms") for text in ttft)
    assert any(text.startswith("ITL in ms") for text in itl)
    assert {"requests at once", "SLO 2,000 ms"} <= set(ttft)
    assert "SLO 100 ms" in itl
    assert {"spent in USD", "month"} <= set(cost)


def test_break_even_is_marked_where_both_lines_cross() -> None:
    costs = examples.bought().costs
    (picture,) = pictures(chart(costs))
    drawn = places(picture)
    assert costs.rent
    rent = next(index for index, line in enumerate(costs.lines) if line.spent[1] == pytest.approx(costs.rent.month))
    reached = [one for one in costs.crossings if one.month <= MONTHS]
    assert reached
    for index, crossing in enumerate(reached):
        bought = next(place for place, line in enumerate(costs.lines) if line.name == crossing.name)
        ((x, y),) = drawn[len(costs.lines) + index]
        assert (x, y) == pytest.approx(_crossing(drawn[rent], drawn[bought]), abs=0.05)
        assert any(f"month {crossing.month:.1f}" in text for text in said_in(picture))


def _crossing(one: list[tuple[float, float]], other: list[tuple[float, float]]) -> tuple[float, float]:
    """Of two straight lines, from their ends."""
    (x0, a0), (x1, a1) = one[0], one[-1]
    (_, b0), (_, b1) = other[0], other[-1]
    part = (b0 - a0) / ((a1 - a0) - (b1 - b0))
    return x0 + part * (x1 - x0), a0 + part * (a1 - a0)


def test_a_cost_that_never_meets_the_rent_is_said_and_not_marked() -> None:
    report = examples.demo()
    never = [one for one in report.feasible if one.never]
    named = {name for one in report.costs.crossings for name in one.name.split(" = ")}
    assert not named & {one.name for one in never}


def test_the_parts_of_the_memory_are_as_wide_as_they_are_large() -> None:
    (one,) = examples.bought().machines
    (picture,) = pictures(memory_chart(one.memory))
    drawn = [rect for rect in picture.iter(f"{SVG}rect") if rect.get("height") == "24"]
    widths = [float(rect.get("width", 0)) for rect in drawn]
    assert widths == pytest.approx([part.bytes / one.memory.total * WIDTH for part in one.memory.parts], abs=0.05)
    assert [rect.get("class", "") == "room" for rect in drawn] == [part.free for part in one.memory.parts]
    assert {part.name for part in one.memory.parts} <= set(said_in(picture))


def test_little_memory_is_drawn_once_more_in_a_unit_that_suits_it() -> None:
    (one,) = examples.demo().machines
    (picture,) = pictures(memory_chart(one.memory))
    assert {"MiB of the device", "MiB, only what is needed"} <= set(said_in(picture))


@pytest.mark.parametrize(
    ("values", "begins"),
    [
        ([100.0, 1900.0], None),
        ([0.0, 5.0], None),
        ([300.0, 16_000.0], 100.0),
        ([30.0, 2000.0], 10.0),
        ([1.0, 1e5], 1.0),
    ],
)
def test_a_logarithmic_axis_begins_at_a_power_of_ten(values: list[float], begins: float | None) -> None:
    assert decade(values) == begins


def palettes() -> list[list[str]]:
    """Series colours as the page sets them last: light, dark, print."""
    found = re.findall(r":root \{[^}]*?--s1:[^}]*\}", style())[-3:]
    return [re.findall(r"--s\d: (#[0-9a-f]{6})", one) for one in found]


def luminance(colour: str) -> float:
    parts = [int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)]
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


@pytest.mark.parametrize("index", range(3), ids=COLOURS)
def test_series_differ_in_lightness_and_stand_out_from_the_paper(index: int) -> None:
    colours = palettes()[index]
    assert len(colours) == 6
    lightness = [116 * luminance(one) ** (1 / 3) - 16 for one in colours]
    assert all(abs(one - other) >= NEIGHBOURS for one, other in pairwise([*lightness, lightness[0]]))
    paper = luminance("#1c2026" if COLOURS[index] == "dark" else "#ffffff")
    for one in map(luminance, colours):
        assert (max(one, paper) + 0.05) / (min(one, paper) + 0.05) >= APART
