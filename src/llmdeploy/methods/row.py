"""One method in the comparison."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from llmdeploy.methods.offer import Offer
from llmdeploy.methods.price import Price


@dataclass(frozen=True)
class Row:
    """`method` is the kind, `name` what a person reads, `target` the one that carries it out.

    A row without `offer` is feasible only for methods that need no language model; `seconds` is then the time of an
    answer. `second` is the rented part of a hybrid. `quality` is points of MMLU-Pro, null where nobody has published
    them. `control` and `ease` are 0 to 1. `break_even` is the month in which buying has cost as much as the cheapest
    rent. `score` and `parts` are given when all rows are known.
    """

    method: str
    name: str
    target: str
    reason: str = ""
    offer: Offer | None = None
    second: Offer | None = None
    nearest: Offer | None = None
    price: Price | None = None
    quality: float | None = None
    seconds: float | None = None
    control: float = 0.0
    ease: float = 0.0
    pros: tuple[str, ...] = ()
    cons: tuple[str, ...] = ()
    break_even: float | None = None
    score: float = 0.0
    parts: Mapping[str, float] = field(default_factory=dict)

    @property
    def feasible(self) -> bool:
        return not self.reason

    @property
    def variant(self) -> str:
        return self.offer.variant.name if self.offer else ""

    @property
    def hardware(self) -> str:
        """`2 x g6.xlarge (1 x l4)`, with the rented part of a hybrid."""
        parts = [f"{one.machines} x {one.hardware.title}" for one in (self.offer, self.second) if one]
        return " + ".join(parts)

    @property
    def month(self) -> float:
        return self.price.month if self.price else 0.0


def refused(method: str, name: str, target: str, reason: str, nearest: Offer | None = None) -> Row:
    return Row(method, name, target, reason=reason, nearest=nearest)
