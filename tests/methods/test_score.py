"""The order of the rows: what each part means, that weights decide, and that two runs agree."""

from __future__ import annotations

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from llmdeploy.cli.show_decision import decision_json
from llmdeploy.methods.decide import decide
from llmdeploy.methods.need import Weights
from llmdeploy.methods.price import Price
from llmdeploy.methods.row import Row
from llmdeploy.methods.score import scored
from tests.methods.benches import NEED, SERVER, alone, bench, need

PARTS = {"cost", "speed", "quality", "control", "ease"}
NOTHING = dict.fromkeys(PARTS, 0.0)


def only(part: str) -> Weights:
    return Weights(**{**NOTHING, part: 1.0})


def row(name: str, month: float, **more: float) -> Row:
    found = {"quality": 50.0, "seconds": 1.0, "control": 0.5, "ease": 0.5, **more}
    return Row("cloud", name, "aws", price=Price(machines=month), **found)  # type: ignore[arg-type]


@settings(max_examples=200, deadline=None)
@given(
    months=st.lists(st.floats(0, 1e6), min_size=1, max_size=6),
    quality=st.one_of(st.none(), st.floats(0, 100)),
    seconds=st.floats(1e-6, 1e4),
    weights=st.lists(st.floats(0, 100), min_size=5, max_size=5),
)
def test_parts_and_scores_are_from_zero_to_one(
    months: list[float], quality: float | None, seconds: float, weights: list[float]
) -> None:
    rows = [row(str(place), month, quality=quality, seconds=seconds) for place, month in enumerate(months)]  # type: ignore[arg-type]
    asked = need(weights=Weights(*weights))
    found = scored(rows, asked)
    for one in found:
        assert set(one.parts) == PARTS
        assert all(0 <= part <= 1 for part in one.parts.values())
        assert 0 <= one.score <= 1 + 1e-9
    assert [one.score for one in found] == sorted((one.score for one in found), reverse=True)
    assert sorted(one.name for one in found) == sorted(one.name for one in rows)


def test_the_cheapest_has_the_whole_part_and_ten_times_as_dear_none() -> None:
    found = {one.name: one.parts["cost"] for one in scored([row("a", 100), row("b", 1000), row("c", 5000)], NEED)}
    assert found == {"a": 1, "b": 0, "c": 0}
    (half,) = [one for one in scored([row("a", 100), row("b", 100 * math.sqrt(10))], NEED) if one.name == "b"]
    assert half.parts["cost"] == pytest.approx(0.5)


def test_a_few_dollars_do_not_decide() -> None:
    assert {one.parts["cost"] for one in scored([row("free", 0), row("a coffee", 9)], NEED)} == {1}


def test_eight_times_as_quick_as_promised_is_the_whole_part() -> None:
    asked = need(ttft=2.0)
    found = {one.name: one.parts["speed"] for one in scored(
        [row("at", 1, seconds=2.0), row("8", 1, seconds=0.25), row("100", 1, seconds=0.02)], asked
    )}  # fmt: skip
    assert found["at"] == pytest.approx(0)
    assert found["8"] == pytest.approx(1)
    assert found["100"] == 1


def test_quality_is_a_share_of_the_best_and_half_where_nobody_has_published_any() -> None:
    rows = [row("best", 1, quality=80), row("less", 1, quality=60), row("unknown", 1, quality=None)]  # type: ignore[arg-type]
    found = {one.name: one.parts["quality"] for one in scored(rows, NEED)}
    assert found == {"best": 1, "less": pytest.approx(0.75), "unknown": 0.5}


def test_what_is_not_feasible_comes_last_and_does_not_move_the_others() -> None:
    other = Row("edge", "edge", "edge", reason="too dear", quality=100.0, price=Price(machines=1.0))
    alone = scored([row("a", 100), row("b", 300)], NEED)
    assert scored([other, row("a", 100), row("b", 300)], NEED) == [*alone, other]


def test_equal_ones_stay_in_their_order_and_no_weight_at_all_is_no_error() -> None:
    never = Row("edge", "never", "edge", reason="too dear")
    found = scored([never, row("first", 100), row("second", 200)], need(weights=Weights(**NOTHING)))
    assert [(one.name, one.score) for one in found] == [("first", 0), ("second", 0), ("never", 0)]


def test_only_proportions_of_weights_matter() -> None:
    once, tenfold = Weights(0.4, 0.3, 0.2, 0.1, 0), Weights(4, 3, 2, 1, 0)
    of = {weights: decide(alone(weights=weights)) for weights in (once, tenfold)}
    assert [one.name for one in of[once].rows] == [one.name for one in of[tenfold].rows]
    for one, other in zip(of[once].rows, of[tenfold].rows, strict=True):
        assert one.score == pytest.approx(other.score)


@pytest.mark.parametrize("name", ["qwen3-8b", "llama-3.3-70b"])
def test_weight_on_the_price_alone_puts_the_cheapest_first(name: str) -> None:
    decision = decide(alone(name, weights=only("cost"), task="faq"))
    assert decision.best.month == min(one.month for one in decision.rows if one.feasible)


def test_weight_on_quality_alone_puts_the_best_model_first() -> None:
    decision = decide(bench("llama-3.3-70b", weights=only("quality")))
    best = max(one.quality or 0 for one in decision.rows if one.feasible)
    assert decision.best.quality == best
    assert best > min(one.quality or 0 for one in decision.rows if one.feasible)


@pytest.mark.parametrize(("part", "first"), [("control", "edge"), ("ease", "this machine")])
def test_weight_on_control_or_ease_alone(part: str, first: str) -> None:
    decision = decide(alone("qwen3-0.6b", SERVER, weights=only(part), ttft=5.0, itl=0.5))
    values = {one.name: one.parts[part] for one in decision.rows if one.feasible}
    assert values[first] == max(values.values()) == decision.best.parts[part]
    assert values["cloud: AWS"] < values[first] or part == "ease"


def test_weights_of_the_spec_change_what_is_chosen() -> None:
    chosen = {part: decide(alone("qwen3-8b", weights=only(part))).chosen.name for part in ("cost", "speed", "control")}
    assert len(set(chosen.values())) > 1, chosen


def test_two_runs_agree_in_everything() -> None:
    runs = [decision_json(decide(alone("llama-3.3-70b", SERVER, task="faq", budget=2000.0))) for _ in range(2)]
    assert runs[0] == runs[1]
