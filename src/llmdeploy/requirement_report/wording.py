"""Figures as the report writes them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from llmdeploy.html_report.units import milliseconds, plain, seconds
from llmdeploy.methods.words import usd
from llmdeploy.requirement_report.report import Figure

LONG: Final = 10.0  # seconds, from which milliseconds say nothing more


def money(amount_: float) -> str:
    return usd(amount_) if amount_ else "0 USD"


def amount(figure: float) -> str:
    """For a column that names its unit."""
    return f"{figure:,.0f}" if figure >= 10 or not figure else f"{figure:.2f}"


def ms(time: float | None) -> str:
    """Seconds as milliseconds, for a column that names its unit."""
    return "" if time is None else plain(time * 1000)


def value(figure: Figure, found: float) -> str:
    if figure.unit != "s":
        return f"{plain(found)} {figure.unit}"
    return seconds(found) if figure.name == "whole answer" or found >= LONG else milliseconds(found * 1000)


def predicted(figure: Figure) -> str:
    """`TTFT 1,040 ms (416 to 2,600 ms)`."""
    said = f"{figure.name} {value(figure, figure.value)}"
    return said if figure.low == figure.high else f"{said} ({span(figure)})"


def span(figure: Figure) -> str:
    """`416 to 2,600 ms`; where one unit is not enough, each with its own."""
    low, high = value(figure, figure.low), value(figure, figure.high)
    unit = f" {high.partition(' ')[2]}"
    return f"{low.removesuffix(unit)} to {high}"


def month(found: float) -> str:
    return f"month {found:.1f}"


def listed(parts: Sequence[str]) -> str:
    """`a, b and c`."""
    return f"{', '.join(parts[:-1])} and {parts[-1]}" if len(parts) > 1 else "".join(parts)


def counted(number: float, what: str) -> str:
    """`1 machine`, `4 machines`, `1.5 requests`."""
    return f"{plain(number)} {what}{'' if number == 1 else 's'}"
