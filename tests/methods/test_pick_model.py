"""The model left open: the best that may be taken, for the place that is pinned."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from llmdeploy.errors import ExitCode, SpecError
from llmdeploy.methods.bench import Bench
from llmdeploy.methods.decide import decide
from llmdeploy.methods.hardware import Hardware
from llmdeploy.methods.need import Weights
from llmdeploy.methods.pick_model import pick_model
from llmdeploy.methods.smaller import anywhere, published_quality
from llmdeploy.methods.variant import variants
from tests.methods.benches import NEED, SERVER, bench, known_models, model, rents

FEW = known_models()[::7]
QUALITY = Weights(cost=0, speed=0, quality=1, control=0, ease=0)
COST = Weights(cost=1, speed=0, quality=0, control=0, ease=0)


def some(here: Hardware | None = None, **asked: Any) -> Bench:
    """A bench that knows of every seventh model, which is quicker."""
    return replace(bench("demo", here, **asked), models=FEW)


def test_it_has_a_published_score_and_keeps_the_promise() -> None:
    of = some()
    chosen = pick_model(of)
    assert published_quality(chosen)
    best = anywhere(of, variants(chosen, of.need)).best
    assert best
    assert best.offer.ttft <= NEED.ttft
    assert best.offer.served.itl <= NEED.itl


def test_two_runs_agree_and_the_model_of_the_bench_does_not_matter() -> None:
    assert pick_model(replace(some(), model=model("qwen3-8b"))).name == pick_model(some()).name


def test_weights_decide() -> None:
    best, cheap = pick_model(some(weights=QUALITY)), pick_model(some(weights=COST))
    assert (published_quality(best) or 0) > (published_quality(cheap) or 0)
    of = some()
    months = [anywhere(of, variants(one, of.need)).month for one in (best, cheap)]
    assert months[1] < months[0]


def test_the_best_one_is_as_good_as_the_budget_allows() -> None:
    """No model with a better score has a feasible place within it."""
    of = some(weights=QUALITY, budget=300.0)
    chosen = published_quality(pick_model(of)) or 0
    for one in FEW:
        if (published_quality(one) or 0) > chosen + 1 and not of.about(one).forbidden:
            assert anywhere(of, variants(one, of.need)).month > 300, one.name


def test_a_budget_is_kept() -> None:
    of = some(weights=QUALITY, budget=300.0)
    assert decide(of.about(pick_model(of))).chosen.month <= 300


@pytest.mark.parametrize("asked", [{"budget": 1.0}, {"itl": 1e-6}])
def test_none_is_refused_with_what_to_change(asked: dict[str, float]) -> None:
    with pytest.raises(SpecError) as caught:
        pick_model(some(**asked))
    assert caught.value.exit_code == ExitCode.SPEC
    (problem,) = caught.value.problems
    assert problem.path == "model.id"
    assert "budget.monthly" in problem.hint
    assert "workload.slo" in problem.hint


@pytest.mark.parametrize("target", ["local", "onprem", "edge", "gcp"])
def test_for_a_pinned_place_a_model_is_taken_that_the_place_can_serve(target: str) -> None:
    """The best of all needs what a small box or this machine does not have."""
    of = some(SERVER, weights=QUALITY, prompt=200, output=100, ttft=4.0)
    chosen = pick_model(of, target)
    decision = decide(of.about(chosen), target)
    assert decision.chosen.feasible
    assert decision.chosen.target == target


def test_for_private_data_no_place_in_a_cloud_counts() -> None:
    of = some(policy="private", spot=1.0)
    assert not any(rents(row) for row in decide(of.about(pick_model(of))).rows)


def test_the_model_of_the_package_is_a_toy_and_never_picked() -> None:
    assert not pick_model(some(weights=COST, prompt=100, output=100)).bundled


@pytest.mark.parametrize("quantization", ["q8_0", "fp8", "q3_k_s"])
def test_a_quantization_that_the_spec_names_is_kept(quantization: str) -> None:
    of = some(quantization=quantization)
    chosen = decide(of.about(pick_model(of))).chosen
    assert chosen.offer
    assert chosen.offer.variant.quantization.name == quantization
