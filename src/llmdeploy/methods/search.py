"""The cheapest offer of many: machines are tried from the cheapest up, and none that cannot be cheaper any more."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from math import inf

from llmdeploy.methods.hardware import Hardware
from llmdeploy.methods.need import Need
from llmdeploy.methods.offer import Offer, Offers, Refused
from llmdeploy.methods.price import Price, price_of
from llmdeploy.methods.variant import Variant
from llmdeploy.methods.words import rank, usd


@dataclass(frozen=True)
class Priced:
    offer: Offer
    price: Price

    @property
    def month(self) -> float:
        return self.price.month


@dataclass
class Found:
    """The cheapest offer with its price, null where there is none.

    `nearest` would do with a larger limit: the cheapest to buy (`dear` USD) where `budget.purchase` is in the way, else
    the cheapest of the quickest, which breaks the promise. `reasons` say why the others do not do: for each
    quantization the last one of those that say most.
    """

    best: Priced | None = None
    nearest: Offer | None = None
    dear: float | None = None
    reasons: dict[str, str] = field(default_factory=dict)

    def refuse(self, quantization: str, reason: str) -> None:
        if quantization not in self.reasons or rank(reason) <= rank(self.reasons[quantization]):
            self.reasons[quantization] = reason

    @property
    def month(self) -> float:
        return self.best.month if self.best else inf


def cheapest(
    offers: Offers, variants: Iterable[Variant], machines: Sequence[Hardware], need: Need, below: float = inf
) -> Found:
    """The search of a variant ends where one machine costs more than the best offer does, or `below` USD a month."""
    found = Found()
    ordered = sorted(((_least_month(one, need), one) for one in machines), key=lambda one: one[0])
    for variant in variants:
        for least, hardware in ordered:
            if least >= min(found.month, below):
                break
            _consider(found, offers.make(variant, hardware), variant, need)
    return found


def _consider(found: Found, made: Offer | Refused, variant: Variant, need: Need) -> None:
    if isinstance(made, Refused):
        found.refuse(variant.quantization.name, made.reason)
        if made.offer and not found.dear and (found.nearest is None or made.offer.ttft < 0.9 * found.nearest.ttft):
            found.nearest = made.offer
        return
    price = price_of(made, need)
    if need.purchase is not None and price.purchase > need.purchase:
        _too_dear(found, made, price, need.purchase)
    elif price.month < found.month:
        found.best = Priced(made, price)


def _too_dear(found: Found, made: Offer, price: Price, limit: float) -> None:
    if found.dear is None or price.purchase < found.dear:
        found.dear, found.nearest = price.purchase, made
        found.reasons = {name: said for name, said in found.reasons.items() if rank(said) > 0}  # of dearer ones
        reason = f"{usd(price.purchase)} to buy, and budget.purchase is {usd(limit)}"
        found.refuse(made.variant.quantization.name, reason)


def _least_month(hardware: Hardware, need: Need) -> float:
    """What one machine costs at the least, in USD a month."""
    if hardware.hour is not None:
        on_spot = hardware.spot if need.spot and hardware.spot is not None else hardware.hour
        return min(hardware.hour, on_spot) * need.busy_hours
    return (hardware.price or 0.0) / need.write_off
