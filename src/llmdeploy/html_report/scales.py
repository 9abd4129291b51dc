"""From figures to places on a chart, and the round figures that its axis names."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from llmdeploy.html_report.recorded import number

WIDE_RATIO = 20.0  # between the largest and the smallest figure, from which on a linear axis would hide the small ones


def usable(values: Iterable[object]) -> list[float]:
    """The figures among the values: finite, not negative."""
    return [found for value in values if (found := number(value)) is not None and found >= 0]


@dataclass(frozen=True)
class Scale:
    """Maps `low`..`high` to `start`..`end` in viewBox units; a value outside lies at the nearer end."""

    low: float
    high: float
    start: float
    end: float
    logarithmic: bool = False

    def at(self, value: float) -> float:
        low, high, value = (self._bent(one) for one in (self.low, self.high, value))
        part = (value - low) / (high - low) if high > low else 0.0
        return self.start + (self.end - self.start) * min(1.0, max(0.0, part))

    def _bent(self, value: float) -> float:
        return math.log10(max(value, self.low)) if self.logarithmic else value

    @property
    def ticks(self) -> list[float]:
        return _decades(self.low, self.high) if self.logarithmic else _steps(self.low, self.high)


def scale_of(values: Sequence[float], start: float, end: float) -> Scale:
    """From zero, or logarithmic where the positive values lie more than `WIDE_RATIO` apart."""
    positive = [value for value in values if value > 0]
    if not positive:
        return Scale(0.0, 1.0, start, end)
    low, high = min(positive), max(positive)
    if high / low > WIDE_RATIO:
        return Scale(low / 1.5, high * 1.5, start, end, logarithmic=True)
    return Scale(0.0, high * 1.05, start, end)


def linear_scale(values: Sequence[float], start: float, end: float, *, from_zero: bool) -> Scale:
    """For lines: from zero or from the smallest value, with room around a single one."""
    if not values:
        return Scale(0.0, 1.0, start, end)
    low, high = (0.0 if from_zero else min(values)), max(values)
    if high <= low:
        return Scale(low, low + (low or 1.0), start, end)
    return Scale(low, high, start, end)


def _steps(low: float, high: float, most: int = 4) -> list[float]:
    """At most `most` intervals of 1, 2 or 5 times a power of ten."""
    span = high - low
    if span <= 0:
        return [low]
    power = 10.0 ** math.floor(math.log10(span / most))
    step = next((factor * power for factor in (1, 2, 5, 10) if span / (factor * power) <= most), 10 * power)
    first, last = math.ceil(low / step), math.floor(high / step)
    return [index * step for index in range(first, last + 1)]


def _decades(low: float, high: float, most: int = 5) -> list[float]:
    """Powers of ten; every second, third, ... one where there are many, and 1, 2, 5 where there are few."""
    first, last = math.floor(math.log10(low)), math.ceil(math.log10(high))
    factors = (1, 2, 5) if last - first <= 2 else (1,)
    found = [factor * 10.0**power for power in range(first, last + 1) for factor in factors]
    inside = [value for value in found if low <= value <= high]
    return inside[:: math.ceil(len(inside) / most)] or [low]
