from __future__ import annotations

import random
from dataclasses import replace
from itertools import pairwise
from statistics import fmean
from time import perf_counter

import pytest

from llmdeploy.adapters.openai_client import OpenAIClient, Outcome
from llmdeploy.endpoint import Endpoint
from llmdeploy.gates.load import Bounds, Load, Workload, request_rate, run_load
from llmdeploy.gates.load_figures import loop_checks, loop_figures
from llmdeploy.gates.loops import LoopRun, closed_loop, open_loop, poisson_arrivals
from llmdeploy.gates.prompts import PromptSize, prompt
from llmdeploy.gates.result import GateResult
from tests.engine_fixture import CONTEXT
from tests.gates import misbehaving_servers as servers

SHORT = Workload(concurrency=2, prompt_tokens=64, output_tokens=16, context=CONTEXT, seconds=0.5)
EASY = Bounds(ttft_p95_s=5, itl_p95_s=5, e2e_p95_s=10, min_goodput=0.9)


def missed(result: GateResult) -> dict[str, str]:
    return {check.name: check.value for check in result.missed}


def dice(seed: int) -> random.Random:
    return random.Random(seed)  # noqa: S311 - repeatable, not secret


async def test_both_loops_against_the_real_engine(engine: Endpoint) -> None:
    result = await run_load(engine, replace(SHORT, seconds=1.0), EASY)
    assert missed(result) == {}
    assert [check.name for check in result.checks] == ["warm-up"] + [
        f"{kind} loop {what}"
        for kind in ("closed", "open")
        for what in ("failures", "ttft_p95", "itl_p95", "e2e_p95", "goodput")
    ]
    for kind in ("closed", "open"):
        figures = result.data[kind]
        assert figures["completion_tokens_mean"] == 16  # the length is fixed
        assert 0.8 * 64 <= figures["prompt_tokens_mean"] <= 1.2 * 64
        assert figures["goodput"] == 1.0
        assert figures["unfinished"] == 0
        assert figures["ttft_ms"]["p50"] < figures["e2e_ms"]["p50"]
        assert figures["tokens_per_s"] == pytest.approx(16 * figures["requests_per_s"], rel=0.01)
    assert result.data["rate"] > 0
    assert result.data["warm_up_requests"] == 2 + SHORT.concurrency


async def test_a_missed_bound_says_the_number_and_the_bound(engine: Endpoint) -> None:
    result = await run_load(engine, SHORT, Bounds(ttft_p95_s=0.0001, min_goodput=0.5))
    assert set(missed(result)) == {
        f"{kind} loop {what}" for kind in ("closed", "open") for what in ("ttft_p95", "goodput")
    }
    check = next(one for one in result.missed if one.name == "closed loop ttft_p95")
    assert check.bound == "<= 0.1 ms"
    assert check.value.endswith(" ms")
    assert missed(result)["open loop goodput"] == "0"


async def test_prompts_and_answers_are_cut_to_the_context(engine: Endpoint) -> None:
    result = await run_load(engine, replace(SHORT, prompt_tokens=100_000, output_tokens=100_000), Bounds())
    assert missed(result) == {}
    figures = result.data["closed"]
    assert figures["prompt_tokens_mean"] + figures["completion_tokens_mean"] <= CONTEXT
    assert figures["prompt_tokens_mean"] + figures["completion_tokens_mean"] > 0.7 * CONTEXT


async def test_a_dead_endpoint_ends_at_once_and_says_so() -> None:
    async with servers.behaves() as endpoint:
        pass
    started = perf_counter()
    result = await run_load(endpoint, SHORT, EASY)
    assert perf_counter() - started < 1
    assert missed(result) == {"warm-up": "1 of 1 requests failed"}
    assert result.checks[0].detail == "1 x refused"


async def test_a_saturated_endpoint_ends_in_time_and_says_so() -> None:
    started = perf_counter()
    async with servers.never_answers() as endpoint:
        result = await run_load(endpoint, replace(SHORT, deadline_s=0.3), EASY)
    assert perf_counter() - started < 1
    assert result.checks[0].detail == "1 x timeout"


async def test_an_endpoint_that_stops_answering_after_the_warm_up() -> None:
    answered = 0

    async def handler(request: servers.Request) -> None:
        nonlocal answered
        answered += 1
        await (servers.whole_stream(request) if answered <= 4 else request.answer(503, {"error": "overloaded"}))

    async with servers.serving(handler) as endpoint:
        result = await run_load(endpoint, replace(SHORT, seconds=5.0), EASY)
    assert result.seconds < 3  # it gave up
    assert "open loop" in missed(result)
    check = next(one for one in result.missed if one.name == "closed loop failures")
    assert "x http 503: overloaded" in check.detail
    assert "gave up" in check.detail


async def test_truncated_streams_are_failures() -> None:
    async def handler(request: servers.Request) -> None:
        await request.begin_stream()
        await request.event(servers.delta("Par"))

    async with servers.serving(handler) as endpoint:
        load = Load(OpenAIClient(endpoint), SHORT)
        run = await open_loop(load.ask, [0.0, 0.01, 0.02], drain_s=2)
    figures = loop_figures(run, EASY)
    assert figures["failures"] == {"truncated": {"count": 3, "example": "truncated"}}
    assert figures["goodput"] == 0.0


async def test_a_stall_shows_in_the_open_loop_and_in_the_corrected_closed_loop() -> None:
    """One stall of 500 ms in 1.5 s: a third of the users met it, one request per worker did."""
    arrivals = poisson_arrivals(100, 1.5, dice(1))
    async with servers.stalls_once(after_s=0.5, stall_s=0.5) as endpoint:
        run = await open_loop(Load(OpenAIClient(endpoint), SHORT).ask, arrivals, drain_s=2)
    figures = loop_figures(run, Bounds())
    assert figures["finished"] == len(arrivals)
    assert 450 <= figures["ttft_ms"]["p99"] <= 700
    assert figures["ttft_ms"]["p90"] >= 250

    async with servers.stalls_once(after_s=0.5, stall_s=0.5) as endpoint:
        run = await closed_loop(Load(OpenAIClient(endpoint), SHORT).ask, 2, 1.5, drain_s=2)
    figures = loop_figures(run, Bounds())
    assert figures["ttft_ms"]["p99"] < 100  # what a naive closed loop reports
    assert 400 <= figures["corrected"]["ttft_ms"]["p99"] <= 700


async def test_what_is_in_flight_at_the_end_is_cancelled_and_counted_as_neither() -> None:
    async with servers.stops_in_the_middle() as endpoint:
        started = perf_counter()
        run = await closed_loop(Load(OpenAIClient(endpoint), SHORT).ask, 3, 0.2, drain_s=0.2)
    assert perf_counter() - started < 1
    figures = loop_figures(run, Bounds(e2e_p95_s=0.1, min_goodput=0.5))
    assert (figures["finished"], figures["failed"], figures["unfinished"]) == (0, 0, 3)
    assert figures["goodput"] == 0.0  # they had already missed the bound
    assert figures["e2e_ms"]["p50"] >= 350  # a lower bound
    checks = loop_checks("closed", figures, Bounds(e2e_p95_s=0.1, min_goodput=0.5))
    assert [check.passed for check in checks] == [False, False, False]
    assert "3 unfinished at the end: not counted" in checks[0].detail


async def test_a_slow_first_token_is_ttft_and_not_itl() -> None:
    async with servers.slow_first_token(0.1) as endpoint:
        run = await open_loop(Load(OpenAIClient(endpoint), SHORT).ask, [0.0, 0.0], drain_s=2)
    figures = loop_figures(run, Bounds())
    assert figures["ttft_ms"]["p50"] >= 100
    assert figures["itl_ms"]["max"] < 50


async def test_the_closed_loop_keeps_its_concurrency() -> None:
    now = most = 0

    async def handler(request: servers.Request) -> None:
        nonlocal now, most
        now += 1
        most = max(most, now)
        await servers.whole_stream(request, before_s=0.05)
        now -= 1

    async with servers.serving(handler) as endpoint:
        run = await closed_loop(Load(OpenAIClient(endpoint), SHORT).ask, 5, 0.5, drain_s=2)
    assert most == 5
    assert request_rate(run, 5) == pytest.approx(len(run.finished) / run.seconds, rel=0.2)


def test_poisson_arrivals_have_the_rate_and_the_spread_of_a_poisson_process() -> None:
    arrivals = poisson_arrivals(50, 200, dice(3))
    gaps = [after - before for before, after in pairwise(arrivals)]
    assert len(arrivals) == pytest.approx(50 * 200, rel=0.03)
    mean = fmean(gaps)
    assert fmean((gap - mean) ** 2 for gap in gaps) ** 0.5 == pytest.approx(mean, rel=0.05)  # deviation = mean
    assert arrivals == poisson_arrivals(50, 200, dice(3))
    assert poisson_arrivals(0.001, 1, dice(3)) == [0.0]


def outcome(ttft: float, itl: float, tokens: int = 3, error: str = "") -> Outcome:
    times = [ttft + itl * index for index in range(tokens)]
    return Outcome(scheduled=0.0, tokens=times, end=times[-1], completion_tokens=tokens, error=error)


def test_goodput_wants_every_bound_of_a_request() -> None:
    done = [outcome(0.1, 0.01), outcome(0.3, 0.01), outcome(0.1, 0.2), outcome(0.1, 0.01, tokens=300)]
    run = LoopRun("open", started=0.0, ended=10.0, finished=done, failed=[outcome(0.1, 0.01, error="timeout")])
    figures = loop_figures(run, Bounds(ttft_p95_s=0.2, itl_p95_s=0.1, e2e_p95_s=1.0))
    assert figures["goodput"] == 0.2  # 1 of 5: the others are late, stuttering, too long and failed
    assert figures["goodput_per_s"] == 0.1
    assert figures["requests_per_s"] == 0.4
    assert figures["tokens_per_s"] == 30.9
    assert figures["tpot_ms"]["max"] == 200.0


def test_prompts_are_sized_by_what_the_server_counted() -> None:
    size = PromptSize.measured((1, 12), (40, 90))
    assert (size.overhead, size.per_word) == (10, 2)
    assert size.words(210) == 100
    assert PromptSize.measured((1, 0), (40, 0)) == PromptSize()
    source = dice(0)
    drawn = {prompt(100, source) for _ in range(50)}
    assert len(drawn) == 50
    assert {len(one.split()) for one in drawn} == {100}
