"""From a spec to what is asked: people into requests, currencies into dollars."""

from __future__ import annotations

import pytest

from llmdeploy.errors import ExitCode, SpecError
from llmdeploy.methods.need import Need, need_of
from llmdeploy.spec import parse_spec


def need(text: str) -> Need:
    return need_of(parse_spec(text, "test"))


def test_concurrency_is_taken_as_given() -> None:
    assert need("workload: {concurrency: 24}").concurrency == 24


def test_people_become_requests_in_progress() -> None:
    """An answer of 300 tokens at 30 ms takes 9 s; whoever reads for 21 s asks in 9 of 30 s: 200 x 0.3 = 60."""
    text = "workload: {users: 200, think_time: 21s, output_tokens: 300, slo: {itl_p95: 100ms}}"
    assert need(text).concurrency == pytest.approx(60)


def test_a_quicker_promise_than_thirty_milliseconds_counts() -> None:
    text = "workload: {users: 200, think_time: 27s, output_tokens: 300, slo: {itl_p95: 10ms}}"
    assert need(text).concurrency == pytest.approx(200 * 3 / 30)


def test_people_count_in_place_of_concurrency_and_are_one_request_at_least() -> None:
    assert need("workload: {users: 1, think_time: 1h, concurrency: 99}").concurrency == 1


def test_longer_reading_needs_fewer_places() -> None:
    quick, slow = (need(f"workload: {{users: 500, think_time: {time}}}").concurrency for time in ("5s", "60s"))
    assert quick > 2 * slow


@pytest.mark.parametrize("field", ["monthly", "purchase"])
def test_another_currency_needs_its_rate(field: str) -> None:
    with pytest.raises(SpecError) as caught:
        need(f"budget: {{{field}: 1500 EUR}}")
    assert caught.value.exit_code == ExitCode.SPEC
    (problem,) = caught.value.problems
    assert problem.path == f"budget.{field}"
    assert "1500 EUR" in problem.message
    assert problem.hint == "add budget.usd_rate: USD for 1 EUR"


def test_a_rate_converts_it() -> None:
    found = need("budget: {monthly: 1000 EUR, purchase: 20000 EUR, usd_rate: 1.08}")
    assert found.budget == pytest.approx(1080)
    assert found.purchase == pytest.approx(21_600)


def test_dollars_need_no_rate_and_are_not_converted() -> None:
    assert need("budget: {monthly: 1000 USD, usd_rate: 7}").budget == 1000


def test_no_budget_is_no_limit() -> None:
    found = need("name: x")
    assert found.budget is None
    assert found.purchase is None
    assert found.owned is None


def test_every_wish_of_the_spec_arrives() -> None:
    found = need(
        """
        model: {id: qwen3-8b, quantization: AWQ, use: research}
        engine: vllm
        workload:
          task: faq
          hours_per_day: 12
          prompt_tokens: 700
          output_tokens: 90
          slo: {ttft_p95: 800ms, itl_p95: 40ms, e2e_p95: 20s}
        data: {policy: private, connectivity: poor}
        own: {hosts: 3, accelerator: l40s, per_host: 2}
        cloud: {spot: 0.5}
        budget: {electricity: 0.3, staff_hour: 90, write_off: 48}
        choice: {weights: {cost: 1, speed: 0, quality: 0, control: 0, ease: 0}}
        """
    )
    assert (found.quantization, found.use, found.engine, found.task) == ("awq", "research", "vllm", "faq")
    assert (found.prompt, found.output, found.tokens) == (700, 90, 790)
    assert (found.ttft, found.itl, found.e2e) == (0.8, 0.04, 20)
    assert found.busy_hours == pytest.approx(365)
    assert (found.policy, found.connectivity, found.spot) == ("private", "poor", 0.5)
    assert found.owned
    assert (found.owned.hosts, found.owned.accelerator, found.owned.per_host) == (3, "l40s", 2)
    assert (found.electricity, found.staff_hour, found.write_off) == (0.3, 90, 48)
    assert (found.weights.cost, found.weights.ease) == (1, 0)
