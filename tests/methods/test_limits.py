"""Budgets, hosts and promises: what they leave out, what is said, and what is proposed where nothing is left."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from llmdeploy.errors import ExitCode, Problem, SpecError
from llmdeploy.methods.bench import Bench
from llmdeploy.methods.decide import all_rows, decide, within_budget
from llmdeploy.methods.need import Owned, Weights
from llmdeploy.methods.pick_model import pick_model
from llmdeploy.methods.words import usd
from tests.methods.benches import SERVER, alone, bench, known_models, named, rows_of

PRICED = re.compile(r"[\d,.]+ USD a month")


def refusal(of: Bench, target: str = "auto") -> Problem:
    with pytest.raises(SpecError) as caught:
        decide(of, target)
    assert caught.value.exit_code == ExitCode.SPEC == 3
    (problem,) = caught.value.problems
    return problem


class TestMonthly:
    def test_rows_above_it_say_their_price_and_the_limit(self) -> None:
        free, limited = decide(alone()), decide(alone(budget=450.0))
        above = [row for row in free.rows if row.feasible and row.month > 450]
        assert above
        for row in above:
            said = named(limited.rows, row.name)
            assert not said.feasible
            assert said.reason == f"{usd(row.month)} a month, and budget.monthly is 450 USD"
        for row in limited.rows:
            assert not row.feasible or row.month <= 450

    def test_a_row_at_exactly_the_limit_is_within_it(self) -> None:
        rows = rows_of()
        row = next(one for one in rows if one.feasible)
        assert named(within_budget(rows, bench(budget=row.month).need), row.name).feasible

    def test_a_smaller_model_within_the_budget_is_preferred_to_a_better_one_above_it(self) -> None:
        quality = Weights(cost=0, speed=0, quality=1, control=0, ease=0)
        best = named(decide(bench("deepseek-v3", weights=quality)).rows, "smaller model")
        limited = bench("deepseek-v3", weights=quality, budget=best.month - 1)
        row = named(within_budget(all_rows(limited), limited.need), "smaller model")
        assert row.feasible
        assert (row.quality or 0) < (best.quality or 0)

    def test_nothing_within_it_is_refused_with_the_nearest_plans_and_their_prices(self) -> None:
        problem = refusal(alone(budget=20.0))
        assert problem.path == "budget.monthly"
        assert "budget.monthly is 20 USD" in problem.message
        assert problem.hint.startswith("nearest: ")
        near = problem.hint.removeprefix("nearest: ").split("; ")
        assert len(near) == 3
        prices = []
        for one in near:
            (price,) = PRICED.findall(one)
            prices.append(float(price.split()[0].replace(",", "")))
        assert prices == sorted(prices)
        assert all(price > 20 for price in prices)

    def test_the_row_that_is_named_is_the_cheapest_of_those_that_serve_the_model(self) -> None:
        free = decide(alone())
        serving = [row for row in free.rows if row.feasible and row.method not in ("smaller", "quantized")]
        cheapest = min(serving, key=lambda row: row.month)
        assert f"{cheapest.name}: {usd(cheapest.month)} a month" in refusal(alone(budget=20.0)).message


class TestPurchase:
    @pytest.mark.parametrize("limit", [0.0, 2500.0])
    def test_no_method_buys_for_more(self, limit: float) -> None:
        for row in all_rows(bench("llama-3.1-8b", concurrency=60, purchase=limit)):
            assert not row.feasible or row.price is None or row.price.purchase <= limit, row

    def test_what_is_too_dear_says_the_least_that_must_be_spent(self) -> None:
        row = named(rows_of(purchase=100.0), "on-premises: bought")
        assert "to buy, and budget.purchase is 100 USD" in row.reason
        assert row.nearest
        bought = row.nearest.machines * (row.nearest.hardware.price or 0)
        assert usd(bought) in row.reason
        assert named(rows_of(purchase=bought), "on-premises: bought").feasible
        assert not named(rows_of(purchase=bought - 1), "on-premises: bought").feasible

    def test_a_dearer_month_with_a_cheaper_purchase_is_found(self) -> None:
        """The cheapest by the month may be the dearest to buy."""
        asked = {"write_off": 240, "electricity": 0.6}
        free = named(rows_of("llama-3.3-70b", **asked), "on-premises: bought")
        assert free.price
        less = bench("llama-3.3-70b", purchase=free.price.purchase - 1, **asked)
        limited = named(all_rows(less), "on-premises: bought")
        assert limited.feasible
        assert limited.price
        assert limited.price.purchase < free.price.purchase
        assert limited.month >= free.month

    def test_renting_is_not_touched(self) -> None:
        assert named(rows_of(purchase=0.0), "cloud: AWS").feasible

    def test_private_data_without_money_for_hardware_names_the_field(self) -> None:
        problem = refusal(alone(policy="private", purchase=10.0))
        assert problem.path == "budget.purchase"
        assert PRICED.search(problem.hint)


class TestPromise:
    @pytest.mark.parametrize(("field", "value"), [("itl", 1e-6), ("ttft", 1e-6), ("e2e", 1e-5)])
    def test_an_impossible_one_is_refused_with_the_nearest_plans_and_their_prices(
        self, field: str, value: float
    ) -> None:
        problem = refusal(alone(**{field: value}))
        assert problem.path == "workload.slo"
        assert "promised" in problem.message
        assert len(PRICED.findall(problem.hint)) == 3

    def test_the_nearest_plan_is_on_the_machines_of_its_own_row(self) -> None:
        """Machines alike are computed once; what is refused is still said of each machine by its own name."""
        for row in rows_of(itl=1e-6):
            if row.nearest is None:
                continue
            place = row.nearest.hardware.place
            assert place == {"onprem": "bought", "hybrid": "bought"}.get(row.target, row.target or place), row.name

    def test_a_promise_that_larger_machines_keep_is_kept_by_them(self) -> None:
        slow, quick = decide(alone(itl=0.2)), decide(alone(itl=0.012))
        for decision, itl in ((slow, 0.2), (quick, 0.012)):
            for row in decision.rows:
                assert not row.feasible or row.offer is None or row.offer.served.itl <= itl
        assert quick.chosen.month > slow.chosen.month

    @pytest.mark.parametrize("asked", [{"e2e": 12.0}, {"e2e": 6.0, "concurrency": 50}, {"ttft": 0.2}, {"itl": 0.03}])
    def test_waiting_is_part_of_it(self, asked: dict[str, float]) -> None:
        of = alone("llama-3.1-8b", **asked)
        rows = [row for row in all_rows(of) if row.feasible and row.offer]
        assert rows
        for row in rows:
            assert row.offer
            assert row.offer.ttft <= of.need.ttft * 1.0001
            assert row.offer.e2e <= (of.need.e2e or 1e9) * 1.0001, row.name


class TestContext:
    def test_a_request_longer_than_the_context_is_refused_everywhere(self) -> None:
        of = alone("demo", SERVER, prompt=600, output=100)
        for row in all_rows(of):
            assert not row.feasible
        problem = refusal(of)
        assert problem.path == "workload.prompt_tokens"
        assert "a request of 700 tokens is longer than its context of 512" in problem.message

    def test_a_request_that_just_fits_is_served(self) -> None:
        assert named(rows_of("demo", SERVER, prompt=412, output=100), "this machine").feasible

    def test_alternatives_have_room_for_it(self) -> None:
        of = replace(bench("llama-3.1-8b", prompt=60_000, ttft=30.0), models=known_models()[::7])
        for row in all_rows(of):
            if row.offer:
                assert row.offer.variant.architecture.context >= of.need.tokens
        assert pick_model(of).architecture.context >= of.need.tokens


class TestOwnHosts:
    NAME = "on-premises: your hosts"

    @pytest.mark.parametrize("spelling", ["l40s", "L40S", "NVIDIA L40S", "nvidia-l40s", "L40S-48GB"])
    def test_any_spelling_of_an_accelerator_will_do(self, spelling: str) -> None:
        row = named(rows_of(owned=Owned(4, spelling, 1)), self.NAME)
        assert row.feasible, row.reason
        assert row.offer
        assert row.offer.hardware.accelerator.name == "l40s"
        assert row.offer.machines <= 4

    def test_what_is_there_costs_nothing_to_buy_but_power_and_work(self) -> None:
        row = named(rows_of(owned=Owned(4, "l40s", 1), purchase=0.0), self.NAME)
        assert row.price
        assert row.price.purchase == row.price.write_off == 0
        assert row.price.power > 0
        assert row.price.staff > 0
        assert row.break_even is None
        assert row.target == "onprem"

    def test_an_unknown_one_is_named(self) -> None:
        row = named(rows_of(owned=Owned(4, "voodoo-2", 1)), self.NAME)
        assert row.reason == "own.accelerator: voodoo-2 is not in the catalogue of accelerators"

    def test_too_few_say_how_many_there_are_and_how_many_it_takes(self) -> None:
        row = named(rows_of(owned=Owned(1, "l4", 1), concurrency=60), self.NAME)
        found = re.search(r"(\d+) of your host \(1 x l4\) would be needed, and there is 1$", row.reason)
        assert found, row.reason
        assert int(found[1]) > 1
        enough = named(all_rows(bench(owned=Owned(int(found[1]), "l4", 1), concurrency=60)), self.NAME)
        assert enough.feasible

    def test_too_small_ones_say_so(self) -> None:
        row = named(rows_of("llama-3.1-405b", owned=Owned(8, "t4", 1)), self.NAME)
        assert "does not fit" in row.reason

    def test_buying_is_compared_as_well(self) -> None:
        rows = rows_of(owned=Owned(4, "l40s", 1))
        assert [row.name for row in rows if row.method == "on-premises"] == [self.NAME, "on-premises: bought"]

    def test_alternatives_may_stand_on_them(self) -> None:
        """Nothing is cheaper than what is there, where work costs nothing."""
        of = bench("llama-3.3-70b", owned=Owned(2, "l40s", 1), staff_hour=0.0, electricity=0.0, policy="private")
        smaller = named(all_rows(of), "smaller model")
        assert smaller.offer
        assert smaller.offer.hardware.place == "own"
        assert smaller.target == "onprem"
