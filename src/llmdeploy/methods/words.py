"""Sentences with figures that several methods share."""

from __future__ import annotations

import math
from typing import Final

from llmdeploy.methods.need import Need
from llmdeploy.methods.offer import Offer
from llmdeploy.methods.price import BYTES_PER_TOKEN_IN, BYTES_PER_TOKEN_OUT, Price

SAYS_MOST: Final = ("budget.purchase", "promised", "would be needed", "fit")


def usd(amount: float) -> str:
    return f"{amount:,.0f} USD" if amount >= 10 else f"{amount:.2f} USD"


def headroom(offer: Offer) -> str:
    return f"{offer.headroom:.0%} of the places are free on average"


def traffic(need: Need) -> str:
    """GB a month that leave the machines."""
    size = need.requests_per_month * (need.prompt * BYTES_PER_TOKEN_IN + need.output * BYTES_PER_TOKEN_OUT) / 1e9
    return f"{size:,.0f} GB of prompts and answers a month"


def own_costs(price: Price, need: Need) -> str:
    bought = f"{usd(price.purchase)} to buy ({usd(price.write_off)} a month over {need.write_off})"
    every = (("power", price.power), ("rack", price.rack), ("spares", price.spares), ("staff", price.staff))
    parts = [f"{name} {usd(amount)}" for name, amount in every if amount]
    return ", ".join([bought, *parts] if price.purchase else parts)


def from_month(break_even: float) -> str:
    """The first month at whose end buying has cost no more than renting."""
    return f"from month {math.ceil(break_even)}"


def rank(reason: str) -> int:
    """How little a reason says: 0 for one that a larger limit would lift, more for memory, most for kernels."""
    return next((place for place, word in enumerate(SAYS_MOST) if word in reason), len(SAYS_MOST))


def first_reason(reasons: dict[str, str]) -> str:
    """The reason that says most, with the quantization that it is about."""
    if not reasons:
        return "no machine is known for it"
    name, reason = min(reasons.items(), key=lambda one: rank(one[1]))
    return reason if reason.startswith(name) else f"{name}: {reason}"
