"""Alternatives to the model itself: the same one quantized, a smaller one, a distilled one; where they are cheapest."""

from __future__ import annotations

from collections.abc import Iterator
from math import inf
from typing import Final

from llmdeploy.methods.bench import Bench
from llmdeploy.methods.edge import boxes
from llmdeploy.methods.hardware import Hardware
from llmdeploy.methods.offer import Offer
from llmdeploy.methods.onprem import machines_to_buy, own_hosts
from llmdeploy.methods.row import Row, refused
from llmdeploy.methods.search import Found, Priced, cheapest
from llmdeploy.methods.variant import Variant, variants
from llmdeploy.methods.words import first_reason, usd
from llmdeploy.sizing.catalogue.models import Model
from llmdeploy.units import parameters_text

CONTROL: Final = {"own": 1.0, "bought": 1.0, "edge": 1.0, "local": 1.0}
EASE: Final = {"local": 1.0, "aws": 0.8, "azure": 0.8, "gcp": 0.8, "own": 0.6, "bought": 0.4, "edge": 0.4}
TARGETS: Final = {"own": "onprem", "bought": "onprem"}
MEASURE: Final = "measure it with the golden prompts"
SMALLER: Final = 0.6  # of the parameters, at the most
SIZES_TRIED: Final = 6


def rows(bench: Bench) -> list[Row]:
    return [_quantized(bench), _smaller(bench, "smaller model"), _smaller(bench, "distilled model")]


def _quantized(bench: Bench) -> Row:
    name = "quantized variant"
    fewer = [one for one in bench.variants if one.quantization.linear < bench.model.published.linear]
    if not fewer or bench.model.bundled:
        said = bench.variants[0].quantization.name if bench.variants else bench.model.published.name
        return refused("quantized", name, "", f"it is {said} already")
    if bench.forbidden:
        return refused("quantized", name, "", bench.forbidden)
    found = anywhere(bench, fewer)
    if found.best is None:
        return refused("quantized", name, "", first_reason(found.reasons), found.nearest)
    stored = found.best.offer.variant.quantization
    pros = (f"{_saved(bench, found.best)}: {stored.linear:.2g} bits a weight",)
    lost = f"about {stored.loss:.1f} points less (published for Llama 3.1)"
    return row_of("quantized", name, found.best, pros, (f"accuracy: {lost}; {MEASURE}",))


def _smaller(bench: Bench, name: str) -> Row:
    method = name.partition(" ")[0]
    tried = list(_candidates(bench, distilled=method == "distilled"))
    found = [one.best for model in tried if (one := anywhere(bench, variants(model, bench.need))).best]
    if not found:
        of = f"with at most {SMALLER:.0%} of the parameters"
        none = f"of the best {len(tried)} {of} none keeps the promise"
        return refused(method, name, "", none if tried else f"none {of} and a published score is known")
    limit = bench.need.budget
    within = [one for one in found if limit is None or one.month <= limit]
    best = max(within or found, key=lambda one: _worth(one, bench))
    model = best.offer.variant.model
    taught = (f"distilled from {model.teacher}",) if model.teacher else ()
    light = f"fast and light: {parameters_text(model.parameters)} parameters, {_saved(bench, best)}"
    limits = f"limits: context of {model.architecture.context:,} tokens"
    return row_of(
        method, name, best, (light, *taught, "easy to move and to run"), (_accuracy(bench, best.offer), limits)
    )


def _candidates(bench: Bench, distilled: bool) -> Iterator[Model]:
    """Models with fewer parameters, the best published scores first."""
    usable = [
        one
        for one in bench.models
        if one.architecture.parameters <= SMALLER * bench.model.architecture.parameters
        and bool(one.teacher) == distilled
        and not one.bundled
        and published_quality(one) is not None
        and not bench.about(one).forbidden
        and one.architecture.context >= bench.need.tokens
    ]
    yield from sorted(usable, key=lambda one: published_quality(one) or 0.0, reverse=True)[:SIZES_TRIED]


def published_quality(model: Model) -> float | None:
    return Variant(model, model.published, True).quality


def anywhere(bench: Bench, chosen: list[Variant], target: str = "") -> Found:
    """The cheapest place that may be taken; of one target's, where it is pinned."""
    tried: list[Found] = []
    for machines in _places(bench):
        below = min((one.month for one in tried), default=inf)
        usable = [one for one in machines if target in ("", target_of(one))]
        tried.append(cheapest(bench.offers, chosen, usable, bench.need, below))
    return min(tried, key=lambda one: one.month)


def target_of(hardware: Hardware) -> str:
    return TARGETS.get(hardware.place, hardware.place)


def _places(bench: Bench) -> Iterator[list[Hardware]]:
    if bench.here:
        yield [bench.here]
    if not bench.no_cloud:
        yield bench.rented
    yield own_hosts(bench)
    yield machines_to_buy(bench)
    yield boxes(bench)


def _worth(best: Priced, bench: Bench) -> float:
    """Points of quality against the price, as the need's weights say; 5,000 USD a month weigh like 100 points."""
    weights = bench.need.weights
    return weights.quality * (best.offer.variant.quality or 0.0) / 100 - weights.cost * min(1.0, best.month / 5_000)


def _saved(bench: Bench, best: Priced) -> str:
    rent = bench.cheapest_rented.best
    if rent is None or best.month >= rent.month:
        return f"{usd(best.month)} a month"
    return f"{usd(rent.month - best.month)} a month less than the cheapest cloud for {bench.model.name}"


def _accuracy(bench: Bench, offer: Offer) -> str:
    small, large = offer.variant.quality, published_quality(bench.model)
    if small is None or large is None:
        return f"accuracy: no published score to compare; {MEASURE}"
    return f"accuracy: MMLU-Pro about {small:.0f}, the model asked for {large:.0f}; {MEASURE}"


def row_of(method: str, name: str, best: Priced, pros: tuple[str, ...], cons: tuple[str, ...]) -> Row:
    place = best.offer.hardware.place
    return Row(
        method,
        name,
        target_of(best.offer.hardware),
        offer=best.offer,
        price=best.price,
        quality=best.offer.variant.quality,
        control=CONTROL.get(place, 0.3),
        ease=EASE[place],
        pros=pros,
        cons=cons,
    )
