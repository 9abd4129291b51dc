"""The search finds what looking at every machine finds, and looks at few."""

from __future__ import annotations

from typing import Any

import pytest

from llmdeploy.methods import offer as offers_module
from llmdeploy.methods.bench import Bench
from llmdeploy.methods.decide import all_rows
from llmdeploy.methods.edge import boxes
from llmdeploy.methods.hardware import Hardware
from llmdeploy.methods.offer import Offer, Offers
from llmdeploy.methods.onprem import machines_to_buy
from llmdeploy.methods.pick_model import pick_model
from llmdeploy.methods.price import price_of
from llmdeploy.methods.search import cheapest
from tests.methods.benches import SERVER, bench, machine, need, variant

MODELS = ("qwen3-8b", "gpt-oss-20b", "llama-3.3-70b")
NEEDS: dict[str, dict[str, Any]] = {
    "busy": {"concurrency": 60.0},
    "a few hours": {"hours_per_day": 2.0},
    "all on spot": {"spot": 1.0},
    "half on spot": {"spot": 0.5, "concurrency": 40.0},
    "long prompts": {"prompt": 6000, "output": 100, "ttft": 5.0},
    "quick": {"ttft": 0.4, "itl": 0.03},
    "little money to buy": {"purchase": 9000.0},
    "never written off": {"write_off": 240, "electricity": 1.0},
}


def by_looking_at_every_one(of: Bench, machines: list[Hardware]) -> float:
    """The least a month, of every variant on every machine."""
    offers = Offers(of.need)
    found = [float("inf")]
    for one in of.variants:
        for hardware in machines:
            made = offers.make(one, hardware)
            if isinstance(made, Offer):
                price = price_of(made, of.need)
                if of.need.purchase is None or price.purchase <= of.need.purchase:
                    found.append(price.month)
    return min(found)


@pytest.mark.parametrize("asked", NEEDS)
@pytest.mark.parametrize("name", MODELS)
def test_nothing_cheaper_is_passed_over(name: str, asked: str) -> None:
    of = bench(name, **NEEDS[asked])
    for machines in (of.rented, machines_to_buy(of), boxes(of)):
        found = of.cheapest(machines)
        assert found.month == pytest.approx(by_looking_at_every_one(of, machines))
        if found.best:
            assert found.best.price == price_of(found.best.offer, of.need)


def test_a_machine_that_is_cheap_on_spot_alone_is_found() -> None:
    """It comes late by its price on demand, when one without a spot price has been found already."""
    first = machine("l4", hour=1.0)
    second = machine("l40s", hour=2.0, spot=0.4)
    found = cheapest(Offers(need(spot=1.0)), [variant("qwen3-8b", "awq")], [first, second], need(spot=1.0))
    assert found.best
    assert found.best.offer.hardware is second


def test_the_order_of_machines_does_not_matter() -> None:
    of = bench()
    assert of.cheapest(of.rented[::-1]).month == of.cheapest(of.rented).month


def test_reasons_are_those_that_say_most() -> None:
    """The last machine that is looked at has no kernel for it, another one only breaks the promise."""
    machines = [machine("l4", hour=1.0), machine("a10g", hour=2.0)]
    found = cheapest(Offers(need(itl=1e-4)), [variant("qwen3-8b", "fp8")], machines, need(itl=1e-4))
    assert "promised" in found.reasons["fp8"]
    assert found.nearest


class TestWork:
    """How often something is computed, which is the same on every machine that the tests run on."""

    CASES: dict[str, dict[str, Any]] = {"usual": {}, "busy": {"concurrency": 60.0}, "impossible": {"itl": 1e-6}}

    @pytest.mark.parametrize("asked", CASES)
    def test_a_comparison_is_bounded(self, asked: str, monkeypatch: pytest.MonkeyPatch) -> None:
        of, served = bench("qwen3-8b", SERVER, **self.CASES[asked]), []
        serve = offers_module.serve
        monkeypatch.setattr(offers_module, "serve", lambda *args: served.append(1) or serve(*args))
        all_rows(of)
        assert len(of.offers._served) <= 5_000  # the model asked for, six smaller and six distilled ones
        assert len(served) <= 30_000

    def test_an_open_model_is_bounded(self) -> None:
        of = bench()
        pick_model(of)
        assert len(of.offers._served) <= 10_000

    def test_most_machines_are_passed_over(self) -> None:
        of = bench("qwen3-0.6b")
        of.cheapest(of.rented)
        kinds = {one.key for one in of.rented}
        assert len(of.offers._served) < len(kinds) * len(of.variants) / 2
