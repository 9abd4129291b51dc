"""A small box where the users are."""

from __future__ import annotations

from llmdeploy.methods.bench import Bench
from llmdeploy.methods.hardware import Hardware
from llmdeploy.methods.price import break_even
from llmdeploy.methods.row import Row, refused
from llmdeploy.methods.search import Priced
from llmdeploy.methods.words import first_reason, own_costs
from llmdeploy.units import milliseconds

CONTROL, EASE = 1.0, 0.4
MOST_BOXES = 8
WATTS_UNKNOWN = 60.0


def rows(bench: Bench) -> list[Row]:
    if bench.forbidden:
        return [refused("edge", "edge", "edge", bench.forbidden)]
    chosen = [one for one in bench.variants if one.quantization.gguf]
    if not chosen:
        return [refused("edge", "edge", "edge", "small boxes run llama.cpp, which reads GGUF alone")]
    found = bench.cheapest(boxes(bench), chosen)
    if found.best is None:
        return [refused("edge", "edge", "edge", first_reason(found.reasons), found.nearest)]
    return [_row(bench, found.best)]


def _row(bench: Bench, best: Priced) -> Row:
    offer = best.offer
    rent = bench.cheapest_rented.best
    boxes_text = "a box" if offer.machines == 1 else f"{offer.machines} boxes"
    return Row(
        "edge",
        "edge",
        "edge",
        offer=offer,
        price=best.price,
        quality=offer.variant.quality,
        control=CONTROL,
        ease=EASE,
        break_even=break_even(best.price, rent.price) if rent else None,
        pros=(
            f"low latency: no line between; TTFT {milliseconds(offer.ttft)} ms",
            "privacy: prompts do not leave the place",
            "bandwidth: the line carries updates alone",
        ),
        cons=(
            f"limited power: {offer.served.batch:.0f} requests at once a box, {own_costs(best.price, bench.need)}",
            f"complexity: {boxes_text} far from whoever looks after {'it' if offer.machines == 1 else 'them'}",
            f"updates: {offer.variant.weight_bytes / 1e9:,.1f} GB to every box for a new model",
        ),
    )


def boxes(bench: Bench) -> list[Hardware]:
    """Every small device and Apple chip with a list price, cheapest first."""
    found = [
        Hardware(
            one.name,
            "edge",
            one,
            1,
            one.visible_gib,
            price=one.list_price_usd,
            watts=one.power_w or WATTS_UNKNOWN,
            limit=MOST_BOXES,
        )
        for one in bench.accelerators
        if one.kind in ("edge", "apple") and one.list_price_usd
    ]
    return sorted(found, key=lambda hardware: hardware.price or 0.0)
