"""What the report says about a decision."""

from __future__ import annotations

from dataclasses import replace

import pytest

from llmdeploy.requirement_report import html, markdown
from llmdeploy.requirement_report.costs import meeting, spent
from llmdeploy.requirement_report.decision_section import sentence
from llmdeploy.requirement_report.score_section import explained
from llmdeploy.sizing.size_answer import FACTORS
from tests.requirement_report import examples
from tests.requirement_report.reading import text_of, unescaped


def test_the_decision_says_what_where_for_how_much_and_how_quick() -> None:
    report = examples.bought()
    row = examples.bought_case()[0].chosen
    said = sentence(report)
    assert row.offer
    assert row.price
    for part in (
        row.variant, row.offer.hardware.accelerator.title, f"{row.month:,.0f} USD a month", "TTFT", "ITL", "tokens/s",
        f"{row.price.purchase:,.0f} USD to begin with", "of the places are free", "lie within",
    ):  # fmt: skip
        assert part in said
    ttft = report.figures[0]
    assert ttft.value == row.offer.ttft
    assert (ttft.low, ttft.high) == pytest.approx((ttft.value / FACTORS["ttft_ms"], ttft.value * FACTORS["ttft_ms"]))


def test_licence_and_gated_access_come_with_what_to_do() -> None:
    said = text_of(html(examples.bought()))
    assert "say 'Built with Llama'" in said
    assert "accept the terms" in said
    assert "export HF_TOKEN=..." in said
    assert "HF_TOKEN" not in text_of(html(examples.demo()))


def test_this_machine_costs_nothing_and_its_unknown_quality_is_said() -> None:
    report = examples.demo()
    said = text_of(html(report))
    assert report.chosen.name == "this machine"
    assert "on this machine, 0 USD a month" in said
    assert "none published" in said
    assert "0.50 (unknown)" in said
    assert "none: the processor computes" in said


def test_a_plan_without_a_language_model_has_no_memory_and_no_latency() -> None:
    report = examples.rules()
    said = unescaped(markdown(report))
    assert report.machines == ()
    assert "rule-based system, no language model" in said
    assert "time of an answer 1 ms" in said
    assert "no model, no accelerator" in said


def test_a_hybrid_shows_both_sides_and_its_tokens_together() -> None:
    report = examples.hybrid()
    said = text_of(html(report))
    own, rented = report.machines
    assert own.price
    assert rented.hour
    assert f"Machines: {own.place}" in said
    assert f"Machines: {rented.place}" in said
    assert own.name in said
    assert rented.name in said
    assert "1 + 1" in said


def test_a_chosen_row_that_breaks_the_promise_says_so() -> None:
    report = examples.broken()
    said = unescaped(markdown(report))
    assert f"By prediction this does not do: {report.chosen.reason}" in said
    assert "Predicted, at best:" in said
    assert [one.count for one in report.machines] == [1]


def test_where_nothing_is_feasible_the_reason_is_left() -> None:
    said = unescaped(markdown(examples.nothing()))
    assert "1 method considered, 0 feasible." in said
    assert "at a price that is not known" in said
    assert "there is nothing to price" in said


def test_the_best_by_score_is_named_where_it_is_not_taken() -> None:
    decision, bench = examples.bought_case()
    second = next(row for row in decision.rows[1:] if row.feasible and row.method == "cloud")
    report = examples.report_of(replace(decision, chosen=second, pinned=second.target), bench)
    assert f"The highest score, {report.best.score:.2f}, has {report.best.name}" in unescaped(markdown(report))


def test_memory_parts_fill_the_device() -> None:
    for make in examples.ALL.values():
        for one in make().machines:
            assert sum(part.bytes for part in one.memory.parts) == pytest.approx(one.memory.total)
            assert one.memory.needed <= one.memory.usable * 1.001


def test_the_price_of_a_row_is_the_sum_of_its_parts_and_grows_as_the_line_does() -> None:
    for method in examples.bought().feasible:
        price = method.price
        assert price
        line = spent(price)
        assert line[0] == price.purchase
        assert line[12] - line[11] == pytest.approx(price.month - price.write_off)


def test_break_even_of_what_is_bought_is_the_planners() -> None:
    decision, bench = examples.bought_case()
    rent = bench.cheapest_rented.best
    assert rent
    rows = [row for row in decision.rows if row.method == "on-premises" and row.price and row.break_even is not None]
    assert rows
    for row in rows:
        assert row.price
        assert meeting(row.price, rent.price) == pytest.approx(row.break_even)


def test_the_cheapest_rent_has_a_line_where_it_may_not_be_taken() -> None:
    costs = examples.private().costs
    assert costs.rent
    assert "private" in costs.rent.against
    assert "cheapest rent (not allowed)" in [line.name for line in costs.lines]


def test_load_slows_answers_down_and_beyond_the_last_place_the_queue_has_no_end() -> None:
    for make in (examples.bought, examples.demo, examples.hybrid):
        for one in make().machines:
            fixed = [point.fixed for point in one.loads]
            assert fixed == sorted(fixed)
            assert one.loads[0].load == 1
            assert one.loads[-1].load == 2 * one.places
            assert all((point.arriving is None) == (point.load >= one.places) for point in one.loads)
            assert any(point.load == pytest.approx(one.planned, abs=0.01) for point in one.loads)


def test_the_decisions_ttft_lies_above_that_of_the_planned_load() -> None:
    report = examples.bought()
    (one,) = report.machines
    planned = next(point for point in one.loads if point.load == pytest.approx(one.planned, abs=0.01))
    assert planned.arriving is not None
    assert planned.arriving <= report.figures[0].value


def test_the_formula_is_the_scoring_modules_own() -> None:
    intro, parts = explained("How it\nis made.\n\ncost      1 - price\nspeed     quick: 1\n")
    assert intro == "How it is made."
    assert parts == (("cost", "1 - price"), ("speed", "quick: 1"))
    assert "cost x 0.35" in text_of(html(examples.bought()))


def test_prices_have_an_age() -> None:
    prices = examples.bought().prices
    assert prices.machines
    assert prices.oldest <= prices.newest
    assert f"between {prices.oldest} and {prices.newest}" in text_of(html(examples.bought()))


def test_figures_of_the_chosen_machines_name_their_source() -> None:
    decision, of = examples.bought_case()
    assert decision.chosen.offer
    assert decision.chosen.offer.hardware.accelerator.source in text_of(html(examples.bought()))
    rented = examples.hybrid().machines[1]
    source = next(one.source for one in of.instances if one.name == rented.name)
    assert source in unescaped(markdown(examples.hybrid()))
