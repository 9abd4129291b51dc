"""Own machines for the load that is always there, rented ones for the rest and for failures."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from llmdeploy.methods.bench import Bench
from llmdeploy.methods.hardware import Hardware
from llmdeploy.methods.offer import Offer, Offers
from llmdeploy.methods.onprem import machines_to_buy
from llmdeploy.methods.price import Price, break_even
from llmdeploy.methods.row import Row, refused
from llmdeploy.methods.search import cheapest
from llmdeploy.methods.words import first_reason, usd

CONTROL, EASE = 0.6, 0.25
BASE_SHARE: Final = 0.6  # of the load in the busy hours that is there all the time
PEAK_HOURS: Final = 0.3  # of the busy hours in which the rest is there too


def rows(bench: Bench) -> list[Row]:
    against = bench.forbidden or bench.no_cloud
    if against:
        return [refused("hybrid", "hybrid", "hybrid", against)]
    base = replace(bench.need, concurrency=max(1.0, bench.need.concurrency * BASE_SHARE))
    own = cheapest(Offers(base), bench.variants, _own_machines(bench), base)
    if own.best is None:
        return [refused("hybrid", "hybrid", "hybrid", first_reason(own.reasons), own.nearest)]
    offer = own.best.offer
    rest = bench.need.concurrency - offer.replicas * offer.served.batch
    if rest <= 0:
        reason = f"{offer.machines} x {offer.hardware.title} carry the whole load already: that is on-premises"
        return [refused("hybrid", "hybrid", "hybrid", reason)]
    peak = replace(bench.need, concurrency=rest, hours_per_day=bench.need.hours_per_day * PEAK_HOURS)
    rented = cheapest(Offers(peak), [offer.variant], bench.rented, peak)
    if rented.best is None:
        return [refused("hybrid", "hybrid", "hybrid", first_reason(rented.reasons), rented.nearest)]
    price = _together(own.best.price, rented.best.price)
    return [_row(bench, offer, rented.best.offer, price)]


def _own_machines(bench: Bench) -> list[Hardware]:
    return [one for one in machines_to_buy(bench) if one.accelerator.kind != "consumer"]


def _together(own: Price, rented: Price) -> Price:
    return replace(
        own, machines=rented.machines, storage=rented.storage, egress=rented.egress, fixed=rented.fixed,
        spot_share=rented.spot_share,
    )  # fmt: skip


def _row(bench: Bench, own: Offer, rented: Offer, price: Price) -> Row:
    rent = bench.cheapest_rented.best
    month = break_even(price, rent.price) if rent else None
    return Row(
        "hybrid", "hybrid", "hybrid", offer=own, second=rented, price=price, quality=own.variant.quality,
        control=CONTROL, ease=EASE, break_even=month,
        pros=(
            f"own machines carry {BASE_SHARE:.0%} of the load, rented ones the peaks in {PEAK_HOURS:.0%} of the hours",
            "a failed host or a lost line is bridged by the other side",
        ),
        cons=(
            f"cost: {usd(price.purchase)} to buy and {usd(price.machines + price.fixed)} a month of rent",
            "complexity: two places, one router, two ways to fail",
            "security: what overflows passes machines that are not your own",
        ),
    )  # fmt: skip
