"""Prices: their parts, hours, spot machines, and the month in which buying has cost as much as renting."""

from __future__ import annotations

from dataclasses import asdict, replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from llmdeploy.methods.decide import all_rows
from llmdeploy.methods.price import Price, break_even, cumulative, price_of
from llmdeploy.methods.words import from_month
from tests.methods.benches import alone, machine, named, need, offer, rows_of

NO_AMOUNT = ("purchase", "spot_share")
AMOUNTS = st.integers(0, 10**7).map(lambda cents: cents / 100)


@settings(max_examples=100, deadline=None)
@given(parts=st.lists(AMOUNTS, min_size=9, max_size=9))
def test_parts_are_the_month(parts: list[float]) -> None:
    price = Price(*parts, purchase=1e9, spot_share=0.5)
    assert price.month == pytest.approx(sum(parts))


@pytest.mark.parametrize("asked", [{}, {"concurrency": 60}, {"spot": 0.5}, {"hours_per_day": 8}])
def test_of_every_row_no_part_is_negative_and_all_are_the_month(asked: dict[str, float]) -> None:
    for row in rows_of("llama-3.1-8b", task="faq", **asked):
        if row.price:
            parts = {name: amount for name, amount in asdict(row.price).items() if name not in NO_AMOUNT}
            assert min(parts.values()) >= 0
            assert row.month == pytest.approx(sum(parts.values()))


class TestRent:
    L4 = machine("l4", hour=0.8, spot=0.3)

    def price(self, on: object = L4, **asked: float) -> Price:
        assert not isinstance(on, str)
        return price_of(offer("qwen3-8b", "awq", on, **asked), need(**asked))  # type: ignore[arg-type]

    def test_a_machine_is_paid_by_the_hour(self) -> None:
        made = offer("qwen3-8b", "awq", self.L4)
        assert self.price().machines == pytest.approx(made.machines * 0.8 * 730)

    def test_half_a_day_is_half_the_rent_and_the_disk_stays(self) -> None:
        whole, half = self.price(hours_per_day=24), self.price(hours_per_day=12)
        assert half.machines == pytest.approx(whole.machines / 2)
        assert half.egress == pytest.approx(whole.egress / 2)
        assert (half.storage, half.fixed) == (whole.storage, whole.fixed)

    def test_spot_machines_lower_the_price_by_their_share(self) -> None:
        prices = {share: self.price(spot=share) for share in (0.0, 0.5, 1.0)}
        whole = prices[0.0].machines
        assert prices[1.0].machines == pytest.approx(whole * 0.3 / 0.8)
        assert prices[0.5].machines == pytest.approx(whole * (0.3 + 0.8) / 2 / 0.8)
        assert [one.spot_share for one in prices.values()] == [0.0, 0.5, 1.0]

    def test_without_a_known_spot_price_nothing_gets_cheaper(self) -> None:
        unknown = replace(self.L4, spot=None)
        assert self.price(unknown, spot=1.0) == self.price(unknown, spot=0.0)
        assert self.price(unknown, spot=1.0).spot_share == 0

    def test_a_share_is_only_told_where_it_is_used(self) -> None:
        for row in rows_of(spot=0.5):
            if row.method == "cloud" and row.offer and row.price:
                known = row.offer.hardware.spot is not None
                assert row.price.spot_share == (0.5 if known else 0)
                assert any("spot machines carry 50%" in text for text in row.pros) == known


class TestOwn:
    def test_ownership_costs_the_same_at_any_hours_but_for_power(self) -> None:
        whole, half = (named(rows_of(hours_per_day=hours), "on-premises: bought").price for hours in (24, 12))
        assert whole
        assert half
        assert half.purchase == whole.purchase
        assert half.write_off == whole.write_off
        assert half.staff == whole.staff
        assert whole.power / 2 < half.power < whole.power

    def test_a_purchase_is_spread_over_the_write_off(self) -> None:
        price = named(rows_of(write_off=48), "on-premises: bought").price
        assert price
        assert price.write_off * 48 == pytest.approx(price.purchase)

    @pytest.mark.parametrize(("field", "part"), [("electricity", "power"), ("staff_hour", "staff")])
    def test_prices_of_the_spec_count(self, field: str, part: str) -> None:
        parts = []
        for amount in (0.1, 0.2):
            price = named(rows_of("llama-3.3-70b", **{field: amount}), "on-premises: bought").price
            assert price
            parts.append(getattr(price, part))
        assert parts[1] == pytest.approx(2 * parts[0])

    def test_a_second_machine_is_more_work_and_less_than_the_first(self) -> None:
        owned = machine("l4", hour=None, watts=300.0, limit=64)
        one, many = (offer("qwen3-8b", "awq", owned, concurrency=load) for load in (4, 100))
        assert one.machines == 1 < many.machines
        first, all_of_them = (price_of(made, need()).staff for made in (one, many))
        assert first < all_of_them < first * many.machines

    def test_what_is_there_has_no_purchase(self) -> None:
        price = price_of(offer("qwen3-8b", "awq", machine("l4", hour=None, watts=300.0)), need())
        assert price.purchase == price.write_off == price.spares == price.machines == price.fixed == 0
        assert price.power > 0


class TestBreakEven:
    @settings(max_examples=300, deadline=None)
    @given(purchase=AMOUNTS, write_off=AMOUNTS, power=AMOUNTS, rented_too=AMOUNTS, rent=AMOUNTS)
    def test_lines_cross_there_or_never(
        self, purchase: float, write_off: float, power: float, rented_too: float, rent: float
    ) -> None:
        own = Price(purchase=purchase, write_off=write_off, power=power, machines=rented_too)
        rented = Price(machines=rent)
        month = break_even(own, rented)
        if month is None:
            ours, theirs = cumulative(own, 600), cumulative(rented, 600)
            assert all(mine >= other * (1 - 1e-9) for mine, other in zip(ours, theirs, strict=True))
            return
        assert month >= 0
        every = own.month - own.write_off
        assert purchase + every * month == pytest.approx(rent * month, rel=1e-6, abs=1e-3)

    @pytest.mark.parametrize("name", ["qwen3-8b", "llama-3.3-70b"])
    @pytest.mark.parametrize("concurrency", [16, 60])
    def test_of_every_row_it_is_where_the_lines_of_the_report_cross(self, name: str, concurrency: int) -> None:
        of = alone(name, concurrency=concurrency)
        rent = of.cheapest_rented.best
        assert rent
        seen = 0
        for row in all_rows(of):
            if row.break_even is None or row.price is None:
                continue
            seen += 1
            before, after = int(row.break_even), int(row.break_even) + 1
            ours, theirs = cumulative(row.price, after), cumulative(rent.price, after)
            assert ours[before] >= theirs[before] - 0.01
            assert ours[after] <= theirs[after] + 0.01
            assert ours[0] == row.price.purchase
        assert seen

    def test_where_running_costs_more_than_the_rent_it_never_comes_and_that_is_said(self) -> None:
        row = named(rows_of("qwen3-8b", staff_hour=2000.0), "on-premises: bought")
        assert row.break_even is None
        assert "it never gets cheaper than renting" in row.cons

    def test_a_month_that_has_begun_is_not_over(self) -> None:
        assert from_month(0.2) == "from month 1"
        assert from_month(5.0) == "from month 5"
        assert from_month(5.4) == "from month 6"


class TestHybrid:
    def test_it_adds_what_is_bought_and_what_is_rented(self) -> None:
        asked = need(concurrency=60)
        row = named(rows_of("llama-3.1-8b", concurrency=60), "hybrid")
        assert row.price
        assert row.offer
        assert row.second
        own = price_of(row.offer, asked)
        rest = asked.concurrency - row.offer.replicas * row.offer.served.batch
        rented = price_of(row.second, replace(asked, concurrency=rest, hours_per_day=asked.hours_per_day * 0.3))
        assert row.price.purchase == own.purchase
        assert row.month == pytest.approx(own.month + rented.month)
        assert rented.machines > 0
        assert own.write_off > 0
