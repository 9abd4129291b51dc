"""What is chosen: the best that serves the model, or the place that is pinned, and what the pin costs."""

from __future__ import annotations

import pytest

from llmdeploy.errors import SpecError
from llmdeploy.methods.decide import Decision, decide, nearest
from llmdeploy.methods.hardware import Hardware, processor
from tests.methods.benches import SERVER, alone, bench, named, rows_of

TARGETS = ("local", "onprem", "edge", "aws", "azure", "gcp", "hybrid")
SMALL = Hardware("this machine", "local", processor(1, 2, "its processor"), 1, 2, limit=1)


@pytest.fixture(scope="module")
def decision() -> Decision:
    return decide(bench(task="faq"))


def test_rows_come_with_the_highest_score_first_and_what_cannot_be_last(decision: Decision) -> None:
    feasible = [row for row in decision.rows if row.feasible]
    assert list(decision.rows[: len(feasible)]) == feasible
    assert [row.score for row in feasible] == sorted((row.score for row in feasible), reverse=True)
    assert decision.best is decision.rows[0]


def test_the_first_that_serves_the_model_is_chosen(decision: Decision) -> None:
    serving = [row for row in decision.rows if row.method in ("this machine", "cloud", "on-premises", "edge", "hybrid")]
    assert decision.chosen is serving[0]
    assert decision.pinned == ""


@pytest.mark.parametrize("target", TARGETS)
def test_a_pin_is_kept_and_says_what_it_costs(target: str) -> None:
    of = alone("llama-3.1-8b", SERVER, concurrency=60)
    if target == "local":
        of = alone("qwen3-0.6b", SERVER, concurrency=2)
    free, pinned = decide(of), decide(of, target)
    assert pinned.chosen.feasible, pinned.chosen.reason
    assert pinned.chosen.target == target
    assert pinned.pinned == target
    assert pinned.extra == pytest.approx(pinned.chosen.month - free.rows[0].month)
    assert [row.name for row in pinned.rows] == [row.name for row in free.rows]


def test_without_a_pin_the_best_costs_nothing_more() -> None:
    free = decide(alone("qwen3-0.6b", SERVER, concurrency=2))
    assert free.chosen is free.best
    assert free.extra == 0


def test_this_machine_is_taken_where_it_is_asked_for_though_it_looks_too_slow() -> None:
    decision = decide(alone("qwen3-8b", SMALL), "local")
    assert not decision.chosen.feasible
    assert decision.chosen.name == "this machine"
    assert decision.chosen.reason


def test_no_other_place_is_taken_where_it_is_not_feasible() -> None:
    with pytest.raises(SpecError):
        decide(alone("deepseek-v3"), "edge")


def test_this_machine_is_not_taken_unasked_where_it_is_too_slow() -> None:
    assert decide(alone("qwen3-8b", SMALL)).chosen.target != "local"


@pytest.mark.parametrize("target", ["kubernetes", "local"])
def test_a_place_that_has_no_row_is_named_with_those_that_have_one(target: str) -> None:
    with pytest.raises(SpecError) as caught:
        decide(alone(), target)
    (problem,) = caught.value.problems
    assert problem.path == "target"
    assert target in problem.message
    assert "onprem" in problem.hint if target == "kubernetes" else "measured" not in problem.hint


def test_rules_are_no_deployment_of_the_model_on_this_machine() -> None:
    """Their rows say `local` too."""
    decision = decide(alone("qwen3-8b", SMALL, task="faq"), "local")
    assert decision.chosen.name == "this machine"


def test_the_nearest_plans_are_the_cheapest_ones_with_their_hardware_and_price() -> None:
    rows = rows_of(itl=1e-6)
    found = nearest(rows, alone(itl=1e-6).need)
    assert found == nearest(rows[::-1], alone(itl=1e-6).need)
    assert len(found) == 3
    for text in found:
        assert "qwen3-8b" in text
        assert " x " in text
        assert "USD a month" in text
        assert "promised" in text


def test_of_a_pinned_place_that_is_too_dear_the_others_are_the_nearest() -> None:
    with pytest.raises(SpecError) as caught:
        decide(alone(budget=300.0), "aws")
    (problem,) = caught.value.problems
    assert problem.path == "budget.monthly"
    assert "cloud: AWS" in problem.message
    assert "edge" in problem.hint
    assert named(decide(alone(budget=300.0)).rows, "edge").feasible
