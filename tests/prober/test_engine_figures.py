"""Reading an engine's own figures, and what becomes of them over time."""

from __future__ import annotations

from typing import Any

import pytest

from llmdeploy.engines import MetricNames
from llmdeploy.prober.engine_figures import TokenRate, read_metrics, read_slots
from llmdeploy.prober.outages import Outages
from llmdeploy.prober.records import Event, Process

VLLM = MetricNames(
    running="vllm:num_requests_running",
    waiting="vllm:num_requests_waiting",
    generated_tokens="vllm:generation_tokens_total",
    prompt_tokens="vllm:prompt_tokens_total",
    kv_usage="vllm:kv_cache_usage_perc",
)
TEXT = """\
# HELP vllm:num_requests_running Number of requests
# TYPE vllm:num_requests_running gauge
vllm:num_requests_running{engine="0",model_name="a } b"} 2.0
vllm:num_requests_running{engine="1",model_name="a } b"} 3.0
vllm:num_requests_waiting_by_reason{engine="0"} 9.0
vllm:num_requests_waiting 0 1700000000000
vllm:generation_tokens_total{engine="0"} 1.5e+03
vllm:kv_cache_usage_perc{engine="0"} 0.2
vllm:kv_cache_usage_perc{engine="1"} 0.4
"""


def test_series_of_one_name_are_one_figure() -> None:
    found = read_metrics(TEXT, VLLM)
    assert (found.running, found.waiting, found.generated_tokens) == (5.0, 0.0, 1500.0)
    assert found.kv_usage == pytest.approx(0.3)
    assert found.prompt_tokens is None


def test_idle_slots_count_as_free() -> None:
    slots: list[dict[str, Any]] = [
        {"id": 0, "n_ctx": 500, "is_processing": True, "n_prompt_tokens": 250, "next_token": [{"n_decoded": 200}]},
        {"id": 1, "n_ctx": 500, "is_processing": False, "n_prompt_tokens": 400, "next_token": [{"n_decoded": 90}]},
        {"id": 2, "n_ctx": 500, "is_processing": False},
    ]
    usage, decoded = read_slots(slots)
    assert usage == pytest.approx(250 / 1500)
    assert decoded == 200.0
    assert read_slots([]) == (0.0, 0.0)


def test_tokens_of_running_requests_count_once() -> None:
    rate = TokenRate()
    assert rate.update(0.0, 100.0) is None
    assert rate.update(1.0, 100.0, running=50.0) == 50.0
    assert rate.update(2.0, 100.0) == 0.0  # it ended between the two reads, and its tokens are in neither
    assert rate.update(3.0, 180.0) == 30.0  # 80 in all, of which 50 were told


def test_a_restart_is_not_a_negative_rate() -> None:
    rate = TokenRate()
    rate.update(0.0, 1000.0)
    assert rate.update(1.0, 10.0) is None
    assert rate.update(2.0, 30.0) == 20.0


def test_an_outage_is_one_event_with_two_ends() -> None:
    outages = Outages()
    assert outages.look(1.0, True) is None
    assert outages.look(2.0, False, "refused") == Event("down", 2.0, None, "refused")
    assert outages.look(2.2, False, "timeout") is None
    assert outages.look(4.0, True) == Event("down", 2.0, 4.0, "refused")
    assert outages.look(5.0, True) is None


def test_another_process_is_a_restart_also_over_a_change_of_prober() -> None:
    outages = Outages(process=Process(10, 1.0))
    assert outages.process(5.0, Process(10, 1.0)) is None
    assert outages.process(9.0, Process(11, 8.5)) == Event("restart", 8.5, 9.0, "process 10 became 11")
    assert outages.process(9.5, Process(11, 8.5)) is None
