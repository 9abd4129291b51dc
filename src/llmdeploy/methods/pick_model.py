"""Which model, where the spec leaves it open: the whole catalogue on every machine that may be taken."""

from __future__ import annotations

from typing import Final

from llmdeploy.errors import Problem, SpecError
from llmdeploy.methods.bench import Bench
from llmdeploy.methods.row import Row
from llmdeploy.methods.score import scored
from llmdeploy.methods.smaller import anywhere, published_quality, row_of
from llmdeploy.methods.variant import variants
from llmdeploy.sizing.catalogue.models import Model

PLACES: Final = ("local", "onprem", "edge", "aws", "azure", "gcp")


USUAL = ("awq", "q4_k_m")  # beside the published weights: what is cheapest on GPUs, and on processors


def pick_model(bench: Bench, target: str = "auto") -> Model:
    """The model whose cheapest feasible place, or the one that `target` pins, scores highest. Models without a
    published score are left out, because nothing could be said for them. Raises SpecError where none keeps the promise
    and the budget."""
    pinned = target if target in PLACES else ""
    found = {row.name: (model, row) for model in _candidates(bench) if (row := _row(bench, model, pinned))}
    if not found:
        where = f" on {pinned}" if pinned else ""
        said = f"auto: no model with a published score keeps the SLO within the budget{where}"
        hint = "name a model, raise budget.monthly, or promise less in workload.slo"
        raise SpecError([Problem("model.id", said, hint)], "spec")
    best = scored([row for _, row in found.values()], bench.need)[0]
    return found[best.name][0]


def _candidates(bench: Bench) -> list[Model]:
    """Models that nothing beats: no other has as good a score with fewer parameters, in all and at work."""
    usable = [
        model
        for model in bench.models
        if published_quality(model) is not None
        and not model.bundled
        and not bench.about(model).forbidden
        and model.architecture.context >= bench.need.tokens
    ]
    return [model for model in usable if not any(_beats(other, model) for other in usable)]


def _beats(one: Model, other: Model) -> bool:
    better = (published_quality(one) or 0.0) - (published_quality(other) or 0.0)
    small, large = one.architecture, other.architecture
    no_larger = small.parameters <= large.parameters and small.active_parameters <= large.active_parameters
    return no_larger and better >= 0 and (better > 0 or small.parameters < large.parameters)


def _row(bench: Bench, model: Model, pinned: str) -> Row | None:
    tried = variants(model, bench.need)
    if bench.need.quantization == "auto":
        tried = [one for one in tried if one.published or one.quantization.name in USUAL]
    found = anywhere(bench, tried, pinned).best
    limit = bench.need.budget
    if found is None or (limit is not None and found.month > limit):
        return None
    return row_of("model", model.name, found, (), ())
