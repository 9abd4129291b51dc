"""Reads JSON that any version may have written: what is missing or of another kind reads as nothing."""

from __future__ import annotations

from typing import Any

LARGEST = 1e100  # beyond it there is no measurement, and sums could overflow


def mapping(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def mappings(value: Any) -> list[dict[str, Any]]:
    """The objects of a list."""
    return [one for one in listed(value) if isinstance(one, dict)]


def listed(value: Any) -> list[Any]:
    return list(value) if isinstance(value, list | tuple) else []


def text(value: Any) -> str:
    return "" if value is None else str(value)


def number(value: Any) -> float | None:
    """A finite number, or None; a truth value is none. What is not a number is not below `LARGEST` either."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return float(value) if abs(value) <= LARGEST else None
