"""This machine."""

from __future__ import annotations

from llmdeploy.methods.bench import Bench
from llmdeploy.methods.row import Row, refused
from llmdeploy.methods.words import first_reason, headroom

CONTROL, EASE = 1.0, 1.0


def rows(bench: Bench) -> list[Row]:
    if bench.here is None:
        return []
    if bench.forbidden:
        return [refused("this machine", "this machine", "local", bench.forbidden)]
    found = bench.cheapest([bench.here])
    if found.best is None:
        return [refused("this machine", "this machine", "local", first_reason(found.reasons), found.nearest)]
    offer = found.best.offer
    return [
        Row(
            "this machine",
            "this machine",
            "local",
            offer=offer,
            price=found.best.price,
            quality=offer.variant.quality,
            control=CONTROL,
            ease=EASE,
            pros=("nothing to buy or to rent", "control: data stays here", headroom(offer)),
            cons=("one machine: no redundancy", "shared with whatever else runs here"),
        )
    ]
