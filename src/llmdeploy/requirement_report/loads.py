"""Latency against load, from one request to twice the places."""

from __future__ import annotations

import math

from llmdeploy.methods.need import Need
from llmdeploy.methods.offer import Offer
from llmdeploy.requirement_report.report import LoadPoint
from llmdeploy.sizing.load import Load, serve
from llmdeploy.sizing.queueing import Queue
from llmdeploy.sizing.roofline import Speed, efficiency_of

NEARLY_FULL = (0.7, 0.8, 0.9)  # of the places: where the queue of random arrivals bends upwards


def places_of(offer: Offer) -> int:
    """Requests that are computed at once, over all replicas."""
    return max(1, int(offer.served.batch)) * offer.replicas


def planned_load(offer: Offer, need: Need) -> float:
    """Requests at once that the offer is made for: of a hybrid, one side's share; all, where too many for it."""
    share = (1 - offer.headroom) * places_of(offer)
    return min(need.concurrency, share) if offer.headroom > 0 else need.concurrency


def load_points(offer: Offer, need: Need) -> tuple[LoadPoint, ...]:
    places, variant, device = places_of(offer), offer.variant, offer.hardware.accelerator
    speed = Speed(
        variant.architecture, variant.quantization, device, offer.layout.tensor, offer.layout.pipeline, 2,
        efficiency_of(device, variant.engine),
    )  # fmt: skip
    return tuple(_point(offer, need, speed, places, load) for load in loads(places, planned_load(offer, need)))


def loads(places: int, planned: float) -> list[float]:
    """1, 2, 4, ... up to twice the places, with the planned load and what is around the last place."""
    doubled = [2.0**power for power in range(int(math.log2(2 * places)) + 1)]
    bend = [float(int(share * places)) for share in NEARLY_FULL if share * places >= 1]
    return sorted({*doubled, *bend, float(places), 2.0 * places, round(planned, 2)})


def _point(offer: Offer, need: Need, speed: Speed, places: int, load: float) -> LoadPoint:
    each = Load(load / offer.replicas, need.prompt, need.output)
    served = serve(speed, each, places / offer.replicas)
    wait = Queue(load).wait(places, served.seconds)
    return LoadPoint(load, served.ttft + wait if math.isfinite(wait) else None, served.ttft, served.itl)
