"""From a decision to the report's figures."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from llmdeploy.methods.bench import Bench
from llmdeploy.methods.decide import Decision
from llmdeploy.methods.hybrid import PEAK_HOURS
from llmdeploy.methods.licences import condition, forbids
from llmdeploy.methods.need import Need
from llmdeploy.methods.offer import Offer
from llmdeploy.methods.price import price_of
from llmdeploy.methods.row import Row
from llmdeploy.methods.words import usd
from llmdeploy.requirement_report.assumptions import assumptions, ranges
from llmdeploy.requirement_report.chosen_sources import chosen_sources
from llmdeploy.requirement_report.costs import costs_of, meeting
from llmdeploy.requirement_report.machines import machines_of
from llmdeploy.requirement_report.report import (
    Facts,
    Figure,
    Method,
    ModelFacts,
    PriceDates,
    RequirementReport,
)
from llmdeploy.sizing.catalogue.models import Model
from llmdeploy.sizing.size_answer import FACTORS


def requirement_report(decision: Decision, bench: Bench, said: Facts) -> RequirementReport:
    """Every figure of the report, computed once. `bench` is the one that the decision was made on."""
    row, need = decision.chosen, decision.need
    offer = planned_offer(row)
    peaks = replace(need, hours_per_day=need.hours_per_day * PEAK_HOURS)
    sides = [(one, of) for one, of in ((offer, need), (row.second, peaks)) if one]
    offers = [one for one, _ in sides]
    return RequirementReport(
        said=said,
        need=need,
        asked=decision.model.title,
        model=_model(offer.variant.model if offer else decision.model, need),
        pinned=decision.pinned,
        methods=tuple(_method(one, decision, bench) for one in decision.rows),
        price=row.price or (price_of(offer, need) if offer else None),
        machines=tuple(machines_of(one, of) for one, of in sides),
        figures=_figures(offers, row, need),
        headroom=min((one.headroom for one in offers), default=None),
        costs=costs_of(decision.rows, bench),
        prices=_price_dates(decision.rows, bench),
        assumptions=(
            *chosen_sources(offers, bench.instances),
            *assumptions(offer.variant.quantization if offer else None),
        ),
        ranges=ranges(),
    )


def planned_offer(row: Row) -> Offer | None:
    """The row's own; of this machine, chosen though it breaks the promise, what one such machine can do at best."""
    if row.feasible or row.target != "local":
        return row.offer or row.nearest
    offer = row.offer or row.nearest
    return replace(offer, machines=1, headroom=0.0) if offer else None


def _model(model: Model, need: Need) -> ModelFacts:
    shape = model.architecture
    active = shape.active_parameters if shape.routed else None
    return ModelFacts(
        model.name, model.title, model.repository, shape.parameters, active, shape.context,
        model.license, condition(model.license), forbids(model.license) if need.use == "commercial" else "",
        model.gated, model.mmlu_pro if model.mmlu_pro is not None else model.mmlu, _quality_source(model),
    )  # fmt: skip


def _quality_source(model: Model) -> str:
    if model.mmlu_pro is None and model.mmlu is None:
        return ""
    name = "MMLU-Pro" if model.mmlu_pro is not None else "MMLU"
    return f"{name}, {model.quality_source}" if model.quality_source else name


def _figures(offers: Sequence[Offer], row: Row, need: Need) -> tuple[Figure, ...]:
    """Of a hybrid the slower side's times, and the tokens of both together."""
    if not offers:
        return (Figure("time of an answer", "s", row.seconds, row.seconds, row.seconds),) if row.seconds else ()
    tokens = sum(one.tokens_per_second for one in offers)
    return (
        _figure("TTFT", "s", max(one.ttft for one in offers), FACTORS["ttft_ms"], need.ttft),
        _figure("ITL", "s", max(one.served.itl for one in offers), FACTORS["itl_ms"], need.itl),
        _figure("whole answer", "s", max(one.e2e for one in offers), FACTORS["itl_ms"], need.e2e),
        _figure("output", "tokens/s", tokens, FACTORS["output_tokens_per_second"], None),
    )


def _figure(name: str, unit: str, value: float, factor: float, promised: float | None) -> Figure:
    return Figure(name, unit, value, value / factor, value * factor, promised)


def _method(row: Row, decision: Decision, bench: Bench) -> Method:
    rent = bench.cheapest_rented.best
    month = meeting(row.price, rent.price) if row.price and rent else None
    return Method(
        name=row.name, method=row.method, target=row.target, chosen=row is decision.chosen, reason=row.reason,
        score=row.score, parts=row.parts, variant=row.variant, hardware=row.hardware,
        replicas=tuple(one.replicas for one in (row.offer, row.second) if one), price=row.price,
        ttft=row.offer.ttft if row.offer else None, itl=row.offer.served.itl if row.offer else None,
        seconds=row.seconds, quality=row.quality, break_even=month,
        never=bool(row.price and row.price.purchase and rent and month is None),
        nearest=_nearest(row, decision.need), pros=row.pros, cons=row.cons,
    )  # fmt: skip


def _nearest(row: Row, need: Need) -> str:
    if row.nearest is None:
        return ""
    offer, price = row.nearest, price_of(row.nearest, need)
    return f"{offer.variant.name} on {offer.machines} x {offer.hardware.title}, {usd(price.month)} a month"


def _price_dates(rows: Sequence[Row], bench: Bench) -> PriceDates:
    offers = [one for row in rows for one in (row.offer, row.second) if one and one.hardware.hour is not None]
    names = sorted({one.hardware.name for one in offers})
    dates = {one.name: one.price_date for one in bench.instances if one.name in names}
    dated = sorted(date for name in names if (date := dates.get(name)))
    undated = tuple(name for name in names if not dates.get(name))
    return PriceDates(tuple(names), dated[0] if dated else "", dated[-1] if dated else "", undated)
