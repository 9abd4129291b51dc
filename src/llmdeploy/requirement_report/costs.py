"""What every feasible method has cost by which month, and where buying meets renting."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from llmdeploy.methods.bench import Bench
from llmdeploy.methods.price import Price, cumulative
from llmdeploy.methods.row import Row
from llmdeploy.requirement_report.report import CostLine, Costs, Crossing, Rent

MONTHS: Final = 36
SAME: Final = " = "  # between the names of methods that share a line
NEAR: Final = 0.5  # USD; lines that never lie further apart are one line


def costs_of(rows: Sequence[Row], bench: Bench) -> Costs:
    """The cheapest rent has a line also where it may not be taken: the others are compared with it."""
    prices = [(row.name, row.price) for row in rows if row.feasible and row.price]
    rented = bench.cheapest_rented.best
    if rented is None:
        return Costs(_lines(prices), (), None)
    offer, rent = rented.offer, rented.price
    name = f"{offer.machines} x {offer.hardware.title}, {offer.variant.name}"
    against = bench.forbidden or bench.no_cloud
    if not any(_alike(spent(price), spent(rent)) for _, price in prices):
        prices.append((f"cheapest rent{' (not allowed)' if against else ''}", rent))
    lines = _lines(prices)
    return Costs(lines, _crossings(lines, prices, rent), Rent(name, rent.month, against))


def spent(price: Price) -> tuple[float, ...]:
    return tuple(cumulative(price, MONTHS))


def meeting(price: Price, rent: Price) -> float | None:
    """The month in which the line of `price` meets that of `rent`; null where nothing is bought, or never."""
    saved = _every(rent) - _every(price)
    return price.purchase / saved if price.purchase and saved > 0 else None


def _every(price: Price) -> float:
    """What each month adds to the line."""
    return price.month - price.write_off


def _lines(prices: Sequence[tuple[str, Price]]) -> tuple[CostLine, ...]:
    found: list[CostLine] = []
    for name, price in prices:
        same = next((index for index, one in enumerate(found) if _alike(one.spent, spent(price))), None)
        if same is None:
            found.append(CostLine(name, spent(price)))
        else:
            found[same] = CostLine(f"{found[same].name}{SAME}{name}", found[same].spent)
    return tuple(found)


def _alike(one: Sequence[float], other: Sequence[float]) -> bool:
    return all(abs(a - b) < NEAR for a, b in zip(one, other, strict=True))


def _crossings(lines: Sequence[CostLine], prices: Sequence[tuple[str, Price]], rent: Price) -> tuple[Crossing, ...]:
    found: list[Crossing] = []
    for line in lines:
        price = next(price for _, price in prices if _alike(spent(price), line.spent))
        month = meeting(price, rent)
        if month is not None:
            found.append(Crossing(line.name, month, month * _every(rent)))
    return tuple(found)
