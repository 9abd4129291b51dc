"""Kinds of values that are written with a unit."""

from __future__ import annotations

from typing import Any

from llmdeploy.spec.kinds import Kind, RefusedError
from llmdeploy.spec.scalars import without_quotes
from llmdeploy.units import (
    CURRENCIES,
    DURATION_PATTERN,
    MONEY_PATTERN,
    SIZE_PATTERN,
    Money,
    format_duration,
    format_size,
    parse_duration,
    parse_money,
    parse_size,
)


class Measure(Kind):
    """A number and a unit, between two bounds. Code may pass the bare number, in the unit that code uses."""

    what, pattern = "", ""
    units: tuple[str, ...] = ()

    def __init__(self, least: str, most: str, optional: bool = False) -> None:
        super().__init__(optional)
        self.least_text, self.most_text = least, most

    def parse(self, text: str) -> float | None:
        raise NotImplementedError

    def read(self, value: object, written: bool) -> object:
        value = without_quotes(value)
        if isinstance(value, bool) or not isinstance(value, str | int | float):
            raise RefusedError(f"is not a {self.what}", self.hint)
        if not isinstance(value, str):
            if written:
                raise RefusedError(
                    "has no unit", "write the unit: " + ", ".join(f"{value:g}{unit}" for unit in self.units)
                )
            return self._bounded(value)
        number = self.parse(value.strip(" "))
        if number is None:
            raise RefusedError(f"is not a {self.what}", self.hint)
        return self._bounded(number)

    def _bounded(self, number: float) -> float:
        for text, word, beyond in (
            (self.least_text, "less", lambda bound: not number >= bound),
            (self.most_text, "more", lambda bound: number > bound),
        ):
            if beyond(self.parse(text)):
                raise RefusedError(
                    f"is {word} than {text}", f"write a {self.what} from {self.least_text} to {self.most_text}"
                )
        return number

    def form(self) -> dict[str, Any]:
        return {"type": "string", "pattern": f"^ *(?:{self.pattern}) *$"}


class Duration(Measure):
    """Time, in seconds for code: `250ms`, `2s`, `5m`, `1h`, `2d`."""

    what, pattern = "duration", DURATION_PATTERN
    units = ("s", "ms", "m")
    hint = "write a number and a unit: 250ms, 2s, 5m"

    def parse(self, text: str) -> float | None:
        return parse_duration(text)

    def show(self, value: float) -> str:
        return format_duration(value)


class Size(Measure):
    """An amount of memory or disk, in bytes for code: `16GiB`, `500MB`."""

    what, pattern = "size", SIZE_PATTERN
    units = ("MiB", "GiB")
    hint = "write a number and a unit: 500MB, 16GiB, 1TiB"

    def parse(self, text: str) -> int | None:
        return parse_size(text)

    def show(self, value: int) -> str:
        return format_size(value)


class Price(Kind):
    """Money: `1500 USD`, `1500 EUR`, `$1500`."""

    hint = f"write an amount and a currency ({', '.join(CURRENCIES)}): 1500 USD"

    def read(self, value: object, written: bool) -> object:
        if isinstance(value, Money):
            return value
        value = without_quotes(value)
        if isinstance(value, int | float) and not isinstance(value, bool):
            raise RefusedError("has no currency", f"write the currency: {value:g} USD")
        money = parse_money(value.strip(" ")) if isinstance(value, str) else None
        if money is None:
            raise RefusedError("is not an amount of money", self.hint)
        return money

    def show(self, value: Money) -> str:
        return str(value)

    def form(self) -> dict[str, Any]:
        return {"type": "string", "pattern": f"^ *(?:{MONEY_PATTERN}) *$"}
