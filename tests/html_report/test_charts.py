"""Charts: the figures are where they should be, and no figure whatever breaks the picture."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from xml.etree import ElementTree as ET

import pytest

from llmdeploy.html_report.charts import bars, dots, histogram, stacked_bar
from llmdeploy.html_report.drawing import WIDTH
from llmdeploy.html_report.line_chart import lines
from llmdeploy.html_report.units import dollars, milliseconds, plain, seconds, size

SVG = "{http://www.w3.org/2000/svg}"
NUMBER = re.compile(r"-?\d+(?:\.\d+)?")
VALUES = [0.0, 1.0, 1e-12, 1e99, 1e308, -1.0, math.nan, math.inf, -math.inf]


def picture(svg: str) -> ET.Element:
    return ET.fromstring(svg)  # noqa: S314 - our own


def texts(svg: str) -> list[str]:
    return [str(one.text) for one in picture(svg).iter(f"{SVG}text")]


def drawn(svg: str, name: str, kind: str) -> list[dict[str, float]]:
    """Number attributes of the shapes of a style."""
    return [
        {key: float(value) for key, value in one.attrib.items() if NUMBER.fullmatch(value)}
        for one in picture(svg).iter(f"{SVG}{name}")
        if kind in one.get("class", "").split()
    ]


def months(found: list[float]) -> str:
    points = list(enumerate(found))
    return lines("Cost", [("bought", points)], ("months", plain), ("USD", dollars), ("budget", 1000.0))


CHARTS: dict[str, Callable[[list[float]], str]] = {
    "bars": lambda found: bars("Steps", [(f"step {one}", value) for one, value in enumerate(found)], seconds),
    "stacked": lambda found: stacked_bar("Memory", [("part", value) for value in found], 2e9, size, "free"),
    "stacked without limit": lambda found: stacked_bar("Memory", [("a", value) for value in found], None, size, "free"),
    "stacked with a broken limit": lambda found: stacked_bar(
        "M", [("a", one) for one in found], math.nan, size, "free"
    ),
    "dots": lambda found: dots("TTFT", ["p"] * len(found), [("closed", found)], ("SLO", 200.0), milliseconds),
    "dots without bound": lambda found: dots("TTFT", ["p"] * len(found), [("closed", found)], None, milliseconds),
    "histogram": lambda found: histogram("Times", found, seconds),
    "lines": months,
}


@pytest.mark.parametrize("chart", CHARTS)
@pytest.mark.parametrize(
    "found",
    [
        [],
        *([value] for value in VALUES),
        [0.0, 0.0],
        [5.0, 5.0],
        [1e-9, 1e99],
        VALUES,
        [float(one) for one in range(500)],
    ],
    ids=lambda found: f"{len(found)}:{found[:2]}",
)
def test_any_figures_give_a_sound_picture(chart: str, found: list[float]) -> None:
    svg = CHARTS[chart](found)
    root = picture(svg)
    assert not re.search(r"\b(nan|inf|none)\b", svg, re.IGNORECASE)
    assert root.get("role") == "img"
    assert root.findtext(f"{SVG}title")
    assert root.findtext(f"{SVG}desc")
    _, _, width, height = map(float, root.get("viewBox", "").split())
    assert width == WIDTH
    for one in root.iter():
        for key in ("x", "x1", "x2", "cx"):
            assert -0.01 <= float(one.get(key, 0)) <= WIDTH + 0.01
        for key in ("y", "y1", "y2", "cy"):
            assert -0.01 <= float(one.get(key, 0)) <= height + 0.01
        assert float(one.get("width", 0)) >= 0


@pytest.mark.parametrize("chart", CHARTS)
@pytest.mark.parametrize("found", [[], [math.nan], [-1.0, math.inf]], ids=str)
def test_no_usable_figure_is_said_in_words(chart: str, found: list[float]) -> None:
    assert texts(CHARTS[chart](found)) == ["no figures"]


def test_bars_are_as_long_as_their_figures() -> None:
    svg = bars("Steps", [("setup", 2.0), ("deploy", 8.0)], seconds)
    short, long = drawn(svg, "rect", "s1")
    assert long["width"] == pytest.approx(4 * short["width"], rel=0.01)
    assert texts(svg) == ["setup", "2 s", "deploy", "8 s"]


def test_parts_fill_the_memory_that_they_take_and_are_shown_again_larger() -> None:
    svg = stacked_bar("Memory", [("weights", 3 * 2**30), ("cache", 2**30)], 40 * 2**30, size, "free")
    (whole,) = drawn(svg, "rect", "whole")
    assert whole["width"] == pytest.approx(0.1 * WIDTH)
    widths = [one["width"] for one in drawn(svg, "rect", "part") if one["height"] > 20]
    assert widths == pytest.approx([0.75 * WIDTH, 0.25 * WIDTH])
    assert "needs 4 GiB of 40 GiB free (10 %)" in texts(svg)
    assert {"weights", "3 GiB", "75 %", "cache", "1 GiB", "25 %"} <= set(texts(svg))


def test_parts_that_take_most_of_the_memory_are_drawn_once() -> None:
    svg = stacked_bar("Memory", [("weights", 3 * 2**30), ("cache", 2**30)], 8 * 2**30, size, "free")
    widths = [one["width"] for one in drawn(svg, "rect", "part") if one["height"] > 20]
    assert widths == pytest.approx([0.375 * WIDTH, 0.125 * WIDTH])


def test_memory_that_does_not_fit_is_said_and_marked() -> None:
    svg = stacked_bar("Memory", [("weights", 3 * 2**30), ("cache", 2**30)], 2**30, size, "free")
    assert "needs 4 GiB, and only 1 GiB is free: does not fit" in texts(svg)
    (mark,) = drawn(svg, "line", "bound")
    assert mark["x1"] == pytest.approx(WIDTH / 4)


def test_dots_lie_on_their_side_of_the_bound() -> None:
    svg = dots("TTFT", ["p50", "p95"], [("closed loop", [100.0, 300.0])], ("SLO of p95, 200 ms", 200.0), milliseconds)
    (bound,) = drawn(svg, "line", "bound")
    _, low, high = drawn(svg, "circle", "mark")  # the first is the legend's
    assert low["cx"] < bound["x1"] < high["cx"]
    assert "SLO of p95, 200 ms" in texts(svg)
    assert "logarithmic scale" not in texts(svg)


def test_figures_far_apart_get_a_logarithmic_scale_that_says_so() -> None:
    svg = dots("TTFT", ["p50", "p95", "max"], [("closed loop", [10.0, 100.0, 1000.0])], None, milliseconds)
    _, *places = [one["cx"] for one in drawn(svg, "circle", "mark")]
    assert places[1] - places[0] == pytest.approx(places[2] - places[1], abs=0.02)
    assert "logarithmic scale" in texts(svg)


def test_series_differ_in_shape_and_lines_in_dashes() -> None:
    found = [("closed loop", [1.0]), ("open loop", [2.0])]
    root = picture(dots("TTFT", ["p50"], found, None, milliseconds))
    assert len(list(root.iter(f"{SVG}circle"))) == 2  # in the legend and in the plot
    assert len(list(root.iter(f"{SVG}polygon"))) == 2
    costs = [("rented", [(0.0, 1.0), (36.0, 9.0)]), ("bought", [(0.0, 5.0), (36.0, 6.0)])]
    drawn_lines = picture(lines("Cost", costs, ("months", plain), ("USD", dollars))).iter(f"{SVG}polyline")
    assert len({one.get("stroke-dasharray") for one in drawn_lines}) == 2


def test_a_missing_figure_has_no_dot_and_no_words() -> None:
    svg = dots("TTFT", ["p50", "p95"], [("closed loop", [None, 3.0])], None, milliseconds)
    assert len(drawn(svg, "circle", "mark")) == 2
    assert picture(svg).findtext(f"{SVG}desc") == "closed loop: p95 3 ms."


def test_lines_rise_with_their_figures_over_named_axes() -> None:
    rented = [(float(month), 700.0 * month) for month in range(37)]
    bought = [(float(month), 9000.0 + 100 * month) for month in range(37)]
    svg = lines(
        "Cost over 36 months",
        [("rented", rented), ("bought", bought)],
        ("months", plain),
        ("cost in USD", dollars),
        ("budget 20,000 USD", 20_000.0),
    )
    first, second = (one.get("points", "").split() for one in picture(svg).iter(f"{SVG}polyline"))
    ends = [tuple(map(float, line[index].split(","))) for line in (first, second) for index in (0, -1)]
    (x0, rented0), (x1, rented1), (_, bought0), (_, bought1) = ends
    assert x0 < x1
    assert rented1 < bought1 < bought0 < rented0, "y points down: more is higher up"
    assert {"months", "cost in USD", "rented", "bought", "budget 20,000 USD", "20,000 USD"} <= set(texts(svg))
    assert "rented: 0 USD at 0, 25,200 USD at 36" in str(picture(svg).findtext(f"{SVG}desc"))


def test_a_histogram_counts_every_value_once() -> None:
    svg = histogram("Times", [0.1] * 6 + [0.4] * 3 + [0.9], seconds)
    heights = [one["height"] for one in drawn(svg, "rect", "s1")]
    assert sum(heights) / max(heights) * 6 == pytest.approx(10)
    assert "10 values from 100 ms to 900 ms, median 100 ms" in texts(svg)
    assert "highest bar: 6" in texts(svg)


def test_names_are_escaped_and_cut_to_their_room() -> None:
    svg = bars("<b>", [("<script>alert(1)</script>" * 5, 1.0)], seconds)
    assert "<script" not in svg
    assert picture(svg).findtext(f"{SVG}title") == "<b>"
    assert texts(svg)[0].endswith("…")
    assert len(texts(svg)[0]) < 25


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        (milliseconds(0.0421), "0.0421 ms"),
        (milliseconds(412.3), "412 ms"),
        (milliseconds(2740), "2,740 ms"),
        (seconds(0), "0 s"),
        (seconds(0.0002), "under 1 ms"),
        (seconds(0.25), "250 ms"),
        (seconds(13.09), "13.1 s"),
        (seconds(200), "3 min 20 s"),
        (seconds(12_000), "3 h 20 min"),
        (size(512), "512 B"),
        (size(639_446_688), "610 MiB"),
        (size(0), "0 B"),
        (dollars(1500), "1,500 USD"),
        (dollars(0.42), "0.42 USD"),
        (dollars(1e99), "1e+99 USD"),
    ],
)
def test_figures_have_units_and_three_digits(written: str, expected: str) -> None:
    assert written == expected
