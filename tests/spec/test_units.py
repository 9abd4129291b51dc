"""Durations, sizes and money: what is read, and that what is written reads back equal."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from llmdeploy.units import (
    Money,
    format_duration,
    format_size,
    parameters_text,
    parse_duration,
    parse_money,
    parse_size,
    size_text,
)

DURATIONS = [
    ("250ms", 0.25), ("2s", 2.0), ("1.5 s", 1.5), ("5m", 300.0), ("1h", 3600.0), ("2d", 172800.0), ("1.1h", 3960.0),
    ("0.1ms", 0.0001), ("90s", 90.0),
]  # fmt: skip
SIZES = [
    ("16GiB", 2**34), ("500MB", 500_000_000), ("1 TiB", 2**40), ("1.5GiB", 1610612736), ("100B", 100), ("64kb", 64_000),
    ("64KIB", 65536), ("0.1GB", 100_000_000),
]  # fmt: skip
MONEY = [
    ("1500 USD", 1500.0, "USD"), ("1500 EUR", 1500.0, "EUR"), ("$1500", 1500.0, "USD"), ("€99.50", 99.5, "EUR"),
    ("0.99usd", 0.99, "USD"), ("£ 7", 7.0, "GBP"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "seconds"), DURATIONS)
def test_durations_are_seconds(text: str, seconds: float) -> None:
    assert parse_duration(text) == seconds


@pytest.mark.parametrize(("text", "size"), SIZES)
def test_sizes_are_bytes(text: str, size: int) -> None:
    assert parse_size(text) == size


@pytest.mark.parametrize(("text", "amount", "currency"), MONEY)
def test_money_has_a_currency(text: str, amount: float, currency: str) -> None:
    assert parse_money(text) == Money(amount, currency)


@pytest.mark.parametrize("text", ["", "2", "s", "-2s", "2 S", "2  s", "1h30m", "1,5s", "٢s", "2s\n", "1e3s", "nans"])
def test_other_texts_are_no_duration(text: str) -> None:
    assert parse_duration(text) is None


@pytest.mark.parametrize("text", ["", "16", "GiB", "16G", "16 gigs", "16GiB\n", "1_0B", "1e3MB", "-1B"])
def test_other_texts_are_no_size(text: str) -> None:
    assert parse_size(text) is None


@pytest.mark.parametrize("text", ["", "1500", "USD", "1,500 USD", "1.005 USD", "$5 USD", "5$", "-$5", "5 XYZ"])
def test_other_texts_are_no_money(text: str) -> None:
    assert parse_money(text) is None


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.2, "200ms"), (2.0, "2s"), (1.5, "1.5s"), (90.0, "90s"), (7200.0, "2h"), (86400.0, "1d"), (0.0015, "0.0015s")],
)
def test_durations_are_written_short(seconds: float, text: str) -> None:
    assert format_duration(seconds) == text


@pytest.mark.parametrize(
    ("size", "text"), [(2**34, "16GiB"), (500_000_000, "500MB"), (1, "1B"), (1536 * 2**20, "1536MiB")]
)
def test_sizes_are_written_short(size: int, text: str) -> None:
    assert format_size(size) == text


@settings(deadline=None, max_examples=200, suppress_health_check=[HealthCheck.too_slow])
@given(st.floats(0.001, 366 * 86400.0))
def test_every_duration_reads_back(seconds: float) -> None:
    seconds = round(seconds, 6)
    assert parse_duration(format_duration(seconds)) == seconds


@settings(deadline=None, max_examples=200, suppress_health_check=[HealthCheck.too_slow])
@given(st.one_of(st.integers(0, 2**46), st.integers(1, 2**14).map(lambda count: count * 2**30)))
def test_every_size_reads_back(size: int) -> None:
    assert parse_size(format_size(size)) == size


@settings(deadline=None, max_examples=100, suppress_health_check=[HealthCheck.too_slow])
@given(st.integers(0, 10**11), st.sampled_from(["USD", "EUR", "GBP"]))
def test_every_amount_reads_back(cents: int, currency: str) -> None:
    assert parse_money(str(Money(cents / 100, currency))) == Money(cents / 100, currency)


@pytest.mark.parametrize(
    ("size", "said"), [(1024, "1 KiB"), (350 * 2**20, "350 MiB"), (3 * 2**29, "1.5 GiB"), (70_272, "68.625 KiB")]
)
def test_sizes_are_rounded_for_people(size: int, said: str) -> None:
    assert size_text(size) == said


@pytest.mark.parametrize(
    ("parameters", "said"), [(1_967_808, "2.0 M"), (596_049_920, "596 M"), (8_030_261_248, "8.0 B")]
)
def test_parameters_are_rounded_for_people(parameters: int, said: str) -> None:
    assert parameters_text(parameters) == said
