"""What Prometheus reads of an exposition: names, help and types in its text format."""

from __future__ import annotations

from collections.abc import Iterator

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector

from llmdeploy.prober.exposition import Distribution, Exposition

PREFIX = "llmdeploy_probe_"


def text_of(exposition: Exposition) -> bytes:
    registry = CollectorRegistry()
    registry.register(_Families(exposition))
    return generate_latest(registry)


class _Families(Collector):
    def __init__(self, exposition: Exposition) -> None:
        self._seen = exposition

    def collect(self) -> Iterator[Metric]:
        yield from self._of_the_sample()
        yield from self._of_the_probes()
        yield _counter("engine_restarts", "Times another engine process took the place of the one before.",
                       self._seen.restarts)  # fmt: skip
        yield _counter("down_seconds", "Seconds in which the engine did not answer its health path.", self._seen.down_s)
        yield _gauge("history_rows_lost", "Rows not written to the history since the prober started.",
                     self._seen.lost_rows)  # fmt: skip

    def _of_the_sample(self) -> Iterator[Metric]:
        sample = self._seen.sample
        yield _gauge("up", "1 while the engine's health path answers 200, else 0.", int(sample.up))
        for name, help_text, value in (
            ("health_seconds", "Time the last health request took.", sample.health_s),
            ("engine_requests_running", "Requests the engine works on, by its own metrics.", sample.running),
            (
                "engine_requests_waiting",
                "Requests that wait in the engine's queue, by its own metrics.",
                sample.waiting,
            ),
            (
                "engine_generated_tokens_per_second",
                "Tokens generated per second since the last look.",
                sample.generated_per_s,
            ),
            (
                "engine_prompt_tokens_per_second",
                "Prompt tokens processed per second since the last look.",
                sample.prompt_per_s,
            ),
            ("engine_kv_cache_usage_ratio", "Part of the KV cache held by running requests, 0 to 1.", sample.kv_usage),
            ("engine_resident_memory_bytes", "Resident memory of the engine's process and its children.", sample.rss),
        ):
            yield _gauge(name, help_text, value)

    def _of_the_probes(self) -> Iterator[Metric]:
        seen = self._seen
        yield _gauge(
            "accuracy", "Weighted share of right answers in the last full pass, 0 to 1; NaN before it.", seen.accuracy
        )
        requests = CounterMetricFamily(
            f"{PREFIX}requests", "Probes sent, by outcome: right, wrong, unjudged or failed.", labels=["outcome"]
        )
        for outcome, count in seen.outcomes.items():
            requests.add_metric([outcome], count)
        yield requests
        yield _counter("correct", "Golden prompts answered as expected.", seen.outcomes["right"])
        yield _counter("wrong", "Golden prompts answered otherwise than expected.", seen.outcomes["wrong"])
        yield _histogram("ttft_seconds", "Time to first token of probes, from the request on.", seen.ttft)
        yield _histogram(
            "itl_seconds", "Inter-token latency of probes: gaps between the chunks of an answer.", seen.itl
        )


def _gauge(name: str, help_text: str, value: float | None) -> Metric:
    return GaugeMetricFamily(f"{PREFIX}{name}", help_text, value=float("nan") if value is None else value)


def _counter(name: str, help_text: str, value: float) -> Metric:
    return CounterMetricFamily(f"{PREFIX}{name}", help_text, value=value)


def _histogram(name: str, help_text: str, seen: Distribution) -> Metric:
    return HistogramMetricFamily(f"{PREFIX}{name}", help_text, buckets=seen.cumulative(), sum_value=seen.total)
