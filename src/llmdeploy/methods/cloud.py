"""Rented machines at AWS, Azure and GCP, a row each."""

from __future__ import annotations

from llmdeploy.methods.bench import CLOUDS, Bench
from llmdeploy.methods.row import Row, refused
from llmdeploy.methods.search import Priced
from llmdeploy.methods.words import first_reason, headroom, traffic, usd

CONTROL, EASE = 0.3, 0.8


def rows(bench: Bench) -> list[Row]:
    return [_row(bench, cloud) for cloud in CLOUDS]


def _row(bench: Bench, cloud: str) -> Row:
    name = f"cloud: {CLOUDS[cloud]}"
    against = bench.forbidden or bench.no_cloud
    if against:
        return refused("cloud", name, cloud, against)
    found = bench.cheapest([one for one in bench.rented if one.place == cloud])
    if found.best is None:
        return refused("cloud", name, cloud, first_reason(found.reasons), found.nearest)
    best = found.best
    return Row(
        "cloud",
        name,
        cloud,
        offer=best.offer,
        price=best.price,
        quality=best.offer.variant.quality,
        control=CONTROL,
        ease=EASE,
        pros=_pros(best),
        cons=_cons(bench, best),
    )


def _pros(best: Priced) -> tuple[str, ...]:
    hour = best.offer.hardware.hour or 0
    share = best.price.spot_share
    said = (
        f"scalability: {headroom(best.offer)}, and one more machine is {hour:.2f} USD an hour",
        "low maintenance: no hardware of your own",
        "access: from anywhere",
        f"spot machines carry {share:.0%}" if share else "",
    )
    return tuple(one for one in said if one)


def _cons(bench: Bench, best: Priced) -> tuple[str, ...]:
    poor = bench.need.connectivity == "poor"
    return (
        f"cost: {usd(best.month)} a month, {usd(best.month * 36)} in three years",
        "connectivity: a poor line is in every answer" if poor else "connectivity: no line, no answer",
        f"security: {traffic(bench.need)} pass machines that are not your own",
    )
