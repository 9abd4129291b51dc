"""Waiting for a place: Erlang's formula, and how many places keep a promise."""

from __future__ import annotations

import math
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from llmdeploy.sizing.queueing import erlang_c, places_needed, wait_percentile


# Tables of the M/M/c queue, as in textbooks: (servers, Erlangs offered, probability of waiting)
@pytest.mark.parametrize(
    ("servers", "offered", "waiting"),
    [
        (1, 0.8, 0.8),
        (2, 1.0, 0.3333),
        (3, 2.0, 0.4444),
        (4, 2.0, 0.1739),
        (6, 5.0, 0.5875),
        (10, 8.0, 0.4092),
        (12, 10.0, 0.4494),
    ],
)
def test_probability_of_waiting_is_the_published_one(servers: int, offered: float, waiting: float) -> None:
    assert erlang_c(servers, offered) == pytest.approx(waiting, abs=0.0001)


def exactly(servers: int, offered: Fraction) -> Fraction:
    """Erlang's sum as it is written in books."""
    last = offered**servers / math.factorial(servers) * servers / (servers - offered)
    return last / (sum(offered**k / math.factorial(k) for k in range(servers)) + last)


@settings(max_examples=200, deadline=None)
@given(servers=st.integers(1, 60), share=st.integers(1, 99))
def test_probability_of_waiting_is_erlangs_sum(servers: int, share: int) -> None:
    offered = Fraction(servers * share, 100)
    assert erlang_c(servers, float(offered)) == pytest.approx(float(exactly(servers, offered)), rel=1e-9)


@settings(max_examples=200, deadline=None)
@given(servers=st.integers(1, 400), offered=st.floats(0, 500))
def test_a_place_more_or_less_work_shortens_the_wait(servers: int, offered: float) -> None:
    waiting = erlang_c(servers, offered)
    assert 0 <= waiting <= 1
    assert erlang_c(servers + 1, offered) <= waiting
    assert erlang_c(servers, offered * 0.9) <= waiting


def test_too_few_places_let_the_queue_grow_for_ever() -> None:
    assert erlang_c(3, 3) == 1
    assert wait_percentile(3, 3.5, 1, 0.95) == math.inf


def test_nobody_waits_for_a_place_among_many() -> None:
    assert wait_percentile(50, 1, 10, 0.95) == 0


def test_one_server_waits_as_the_formula_of_m_m_1_says() -> None:
    """P(wait > t) = rho x exp(-(1 - rho) t / s)."""
    rho, service, share = 0.8, 2.0, 0.95
    t = wait_percentile(1, rho, service, share)
    assert rho * math.exp(-(1 - rho) * t / service) == pytest.approx(1 - share)


def test_a_longer_service_makes_a_longer_wait() -> None:
    assert wait_percentile(3, 2, 4, 0.95) == pytest.approx(2 * wait_percentile(3, 2, 2, 0.95))
    assert wait_percentile(3, 2, 2, 0.99) > wait_percentile(3, 2, 2, 0.9)


@settings(max_examples=300, deadline=None)
@given(offered=st.floats(0, 200), service=st.floats(0.01, 100), longest=st.floats(0, 20))
def test_places_needed_are_the_fewest(offered: float, service: float, longest: float) -> None:
    places = places_needed(offered, service, longest)
    assert places > offered
    assert wait_percentile(places, offered, service, 0.95) <= longest
    assert places == 1 or wait_percentile(places - 1, offered, service, 0.95) > longest


def test_patience_saves_places() -> None:
    needed = [places_needed(20, 5, longest) for longest in (0, 0.1, 1, 10)]
    assert needed == sorted(needed, reverse=True)
    assert needed[0] > needed[-1] >= 21
