"""Every way to meet a need has its row: with what speaks for and against it in figures, or with the reason why not."""

from __future__ import annotations

import re
from collections import Counter

import pytest

from llmdeploy.methods import without_model
from llmdeploy.methods.bench import CLOUDS
from llmdeploy.methods.decide import SWAPS, Decision, all_rows, decide
from llmdeploy.methods.need import OPEN_TASKS
from llmdeploy.methods.row import Row
from llmdeploy.spec.fields import TASKS
from tests.methods.benches import SERVER, alone, bench, known_models, named, rows_of

EVERY = (
    "this machine", "cloud: AWS", "cloud: Azure", "cloud: GCP", "on-premises: bought", "edge", "hybrid",
    "quantized variant", "smaller model", "distilled model", "rule-based system", "traditional ML",
)  # fmt: skip
WITHOUT_MODEL = ("rule-based system", "traditional ML")
CASES = {
    "usual": bench("qwen3-8b", SERVER),
    "large": alone("deepseek-v3", SERVER),
    "bundled": alone("demo", SERVER, prompt=100, output=100),
    "busy": alone("llama-3.1-8b", SERVER, concurrency=60),
    "faq": bench("llama-3.3-70b", SERVER, task="faq"),
    "private": alone("llama-3.3-70b", SERVER, policy="private"),
    "forbidden": alone("command-r", SERVER),
    "impossible": alone("qwen3-8b", SERVER, itl=1e-6),
    "poor line": alone("gpt-oss-120b", SERVER, connectivity="poor"),
}


@pytest.fixture(scope="module", params=CASES)
def rows(request: pytest.FixtureRequest) -> list[Row]:
    return all_rows(CASES[request.param])


def test_every_method_has_one_row(rows: list[Row]) -> None:
    names = ["on-premises: bought" if row.name == "on-premises" else row.name for row in rows]
    assert Counter(names) == Counter(EVERY)


def test_what_is_not_feasible_says_why_and_proposes_nothing(rows: list[Row]) -> None:
    for row in rows:
        if not row.feasible:
            assert len(row.reason) > 10, row
            assert not row.reason.endswith((".", " ")), row
            assert row.offer is None
            assert row.price is None


def test_what_is_feasible_has_a_price_and_figures_on_both_sides(rows: list[Row]) -> None:
    for row in rows:
        if row.feasible:
            assert row.price
            assert row.pros, row
            assert row.cons, row
            assert any(re.search(r"\d", text) for text in (*row.pros, *row.cons)), row
            assert all(text and not re.search(r"\b(nan|inf|None)\b", text) for text in (*row.pros, *row.cons)), row


def test_a_row_serves_a_language_model_or_says_how_long_an_answer_takes(rows: list[Row]) -> None:
    for row in rows:
        if row.feasible:
            assert (row.offer is None) == (row.name in WITHOUT_MODEL), row
            assert (row.seconds is None) == (row.offer is not None), row


def test_every_row_has_a_target_that_a_spec_may_name(rows: list[Row]) -> None:
    known = {"local", "onprem", "edge", "aws", "azure", "gcp", "hybrid"}
    for row in rows:
        assert row.target in known or (not row.feasible and row.method in SWAPS), row


def test_this_machine_is_left_out_where_nobody_has_read_it() -> None:
    assert "this machine" not in {row.name for row in rows_of("qwen3-0.6b")}


@pytest.mark.parametrize("task", TASKS)
def test_rules_and_learning_are_for_answers_that_can_be_listed(task: str) -> None:
    rows = without_model.rows(bench("qwen3-0.6b", task=task))
    for name in WITHOUT_MODEL:
        row = named(rows, name)
        assert row.feasible == (task in ("extraction", "classification", "routing", "faq"))
        assert row.feasible == (task not in OPEN_TASKS)
        assert row.feasible or task in row.reason


def test_another_thing_than_what_was_asked_for_is_shown_and_not_taken() -> None:
    decision = decide(bench("llama-3.3-70b", task="faq"))
    assert decision.best.method in SWAPS
    assert decision.chosen.method not in SWAPS
    assert decision.chosen.offer
    assert decision.chosen.offer.variant.model.name == "llama-3.3-70b"


class TestAlternatives:
    def test_a_quantized_variant_is_the_same_model_with_fewer_bits(self) -> None:
        row = named(rows_of("llama-3.3-70b"), "quantized variant")
        assert row.offer
        assert row.offer.variant.model.name == "llama-3.3-70b"
        assert row.offer.variant.quantization.linear < 16
        assert "points less" in row.cons[0]

    @pytest.mark.parametrize("name", ["demo", "qwen3-8b"])
    def test_what_has_few_bits_already_is_said(self, name: str) -> None:
        asked = {} if name == "demo" else {"quantization": "bf16"}
        row = named(rows_of(name, prompt=100, output=100, **asked), "quantized variant")
        assert row.reason == f"it is {'q8_0' if name == 'demo' else 'bf16'} already"

    def test_smaller_models_are_smaller_and_distilled_ones_distilled(self) -> None:
        of = bench("llama-3.3-70b")
        smaller, distilled = (named(all_rows(of), name) for name in ("smaller model", "distilled model"))
        for row in (smaller, distilled):
            assert row.offer, row.reason
            model = row.offer.variant.model
            assert model.architecture.parameters <= 0.6 * of.model.architecture.parameters
            assert bool(model.teacher) == (row is distilled)
            assert f"{row.offer.variant.quality:.0f}, the model asked for" in row.cons[0]

    def test_the_smallest_model_has_no_smaller_one(self) -> None:
        smallest = min((one for one in known_models() if not one.bundled), key=lambda one: one.architecture.parameters)
        row = named(rows_of(smallest.name), "smaller model")
        assert row.reason == "none with at most 60% of the parameters and a published score is known"

    def test_where_the_best_smaller_ones_break_the_promise_no_more_is_said_than_was_tried(self) -> None:
        row = named(all_rows(bench("llama-3.3-70b", itl=1e-6)), "smaller model")
        assert row.reason == "of the best 6 with at most 60% of the parameters none keeps the promise"


@pytest.fixture(scope="module")
def decision() -> Decision:
    return decide(alone("llama-3.1-8b", concurrency=60))


class TestPlacesAreMet:
    """What a row stands on is of its own place."""

    @pytest.mark.parametrize("place", ["aws", "azure", "gcp", "bought"])
    def test_of_each_row(self, decision: Decision, place: str) -> None:
        name = "on-premises: bought" if place == "bought" else f"cloud: {CLOUDS[place]}"
        offer = named(decision.rows, name).offer
        assert offer
        assert offer.hardware.place == place
        assert (offer.hardware.hour is None) == (place == "bought")

    def test_of_a_small_box(self) -> None:
        offer = named(rows_of(), "edge").offer
        assert offer
        assert offer.hardware.accelerator.kind in ("edge", "apple")
        assert offer.variant.engine == "llamacpp"

    def test_hybrid_stands_on_both_sides(self, decision: Decision) -> None:
        row = named(decision.rows, "hybrid")
        assert row.feasible, row.reason
        assert row.offer
        assert row.second
        assert row.offer.hardware.place == "bought"
        assert row.second.hardware.place in ("aws", "azure", "gcp")
        assert row.offer.variant.name == row.second.variant.name
        assert " + " in row.hardware

    def test_hybrid_says_where_own_machines_carry_everything(self) -> None:
        row = named(rows_of(concurrency=2), "hybrid")
        assert row.reason.endswith("carry the whole load already: that is on-premises")
