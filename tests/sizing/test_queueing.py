"""Waiting for a place: Erlang's formula, and how many places keep a promise."""

from __future__ import annotations

import math
import time
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from llmdeploy.sizing.queueing import Queue


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
    assert Queue(offered).waiting(servers) == pytest.approx(waiting, abs=0.0001)


def exactly(servers: int, offered: Fraction) -> Fraction:
    """Erlang's sum as it is written in books."""
    last = offered**servers / math.factorial(servers) * servers / (servers - offered)
    return last / (sum(offered**k / math.factorial(k) for k in range(servers)) + last)


@settings(max_examples=200, deadline=None)
@given(servers=st.integers(1, 60), share=st.integers(1, 99))
def test_probability_of_waiting_is_erlangs_sum(servers: int, share: int) -> None:
    offered = Fraction(servers * share, 100)
    assert Queue(float(offered)).waiting(servers) == pytest.approx(float(exactly(servers, offered)), rel=1e-9)


@settings(max_examples=200, deadline=None)
@given(servers=st.integers(1, 400), offered=st.floats(0, 500))
def test_a_place_more_or_less_work_shortens_the_wait(servers: int, offered: float) -> None:
    waiting = Queue(offered).waiting(servers)
    assert 0 <= waiting <= 1
    assert Queue(offered).waiting(servers + 1) <= waiting
    assert Queue(offered * 0.9).waiting(servers) <= waiting


def test_too_few_places_let_the_queue_grow_for_ever() -> None:
    assert Queue(3).waiting(3) == 1
    assert Queue(3.5).wait(3, 1) == math.inf


def test_nobody_waits_for_a_place_among_many() -> None:
    assert Queue(1).wait(50, 10) == 0


def test_one_server_waits_as_the_formula_of_m_m_1_says() -> None:
    """P(wait > t) = rho x exp(-(1 - rho) t / s)."""
    rho, service, share = 0.8, 2.0, 0.95
    t = Queue(rho).wait(1, service, share)
    assert rho * math.exp(-(1 - rho) * t / service) == pytest.approx(1 - share)


def test_a_longer_service_makes_a_longer_wait() -> None:
    assert Queue(2).wait(3, 4) == pytest.approx(2 * Queue(2).wait(3, 2))
    assert Queue(2).wait(3, 2, 0.99) > Queue(2).wait(3, 2, 0.9)


@settings(max_examples=300, deadline=None)
@given(offered=st.floats(0, 200), service=st.floats(0.01, 100), longest=st.floats(0, 20))
def test_places_needed_are_the_fewest(offered: float, service: float, longest: float) -> None:
    places = Queue(offered).places_needed(service, longest)
    assert places > offered
    assert Queue(offered).wait(places, service) <= longest
    assert places == 1 or Queue(offered).wait(places - 1, service) > longest


def test_patience_saves_places() -> None:
    needed = [Queue(20).places_needed(5, longest) for longest in (0, 0.1, 1, 10)]
    assert needed == sorted(needed, reverse=True)
    assert needed[0] > needed[-1] >= 21


def test_what_was_asked_before_changes_no_answer() -> None:
    asked = Queue(20)
    assert [asked.waiting(places) for places in (40, 21, 30)] == [Queue(20).waiting(places) for places in (40, 21, 30)]


def test_a_long_queue_is_reckoned_once() -> None:
    """4096 requests at once before thousands of machines: with every place reckoned anew it took a minute."""
    asked, started = Queue(4096), time.process_time()
    for service in range(1, 2000):
        asked.places_needed(service, 0.01 * service)
    assert time.process_time() - started < 2
