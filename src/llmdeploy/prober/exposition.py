"""The prober's own Prometheus metrics, in a registry of their own."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, disable_created_metrics, generate_latest

from llmdeploy.prober.records import Event, Probe, Sample

# Seconds. From a tiny model on loopback to a large one under load.
TTFT_BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0)
ITL_BUCKETS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0)


class Exposition:
    """Takes what was seen; `text()` is what Prometheus reads."""

    def __init__(self) -> None:
        disable_created_metrics()  # type: ignore[no-untyped-call]  # a second series per counter that nobody here reads
        self._registry = registry = CollectorRegistry(auto_describe=True)

        def gauge(name: str, help_text: str) -> Gauge:
            return Gauge(f"llmdeploy_probe_{name}", help_text, registry=registry)

        def counter(name: str, help_text: str, labels: tuple[str, ...] = ()) -> Counter:
            return Counter(f"llmdeploy_probe_{name}", help_text, labels, registry=registry)

        self._up = gauge("up", "1 while the engine's health path answers 200, else 0.")
        self._health = gauge("health_seconds", "Time the last health request took.")
        self._accuracy = gauge(
            "accuracy", "Weighted share of right answers in the last full pass, 0 to 1; NaN before it."
        )
        self._accuracy.set(float("nan"))
        self._running = gauge("engine_requests_running", "Requests the engine works on, by its own metrics.")
        self._waiting = gauge(
            "engine_requests_waiting", "Requests that wait in the engine's queue, by its own metrics."
        )
        self._generated = gauge(
            "engine_generated_tokens_per_second", "Tokens generated per second since the last look."
        )
        self._prompt = gauge(
            "engine_prompt_tokens_per_second", "Prompt tokens processed per second since the last look."
        )
        self._kv = gauge("engine_kv_cache_usage_ratio", "Part of the KV cache held by running requests, 0 to 1.")
        self._rss = gauge("engine_resident_memory_bytes", "Resident memory of the engine's process and its children.")
        self._requests = counter("requests", "Probes sent, by outcome: right, wrong, unjudged or failed.", ("outcome",))
        self._correct = counter("correct", "Golden prompts answered as expected.")
        self._wrong = counter("wrong", "Golden prompts answered otherwise than expected.")
        self._restarts = counter("engine_restarts", "Times another engine process took the place of the one before.")
        self._down = counter("down_seconds", "Seconds in which the engine did not answer its health path.")
        self._lost = gauge("history_rows_lost", "Rows not written to the history since the prober started.")
        self._ttft = Histogram(
            "llmdeploy_probe_ttft_seconds", "Time to first token of probes, from the request on.",
            buckets=TTFT_BUCKETS, registry=registry,
        )  # fmt: skip
        self._itl = Histogram(
            "llmdeploy_probe_itl_seconds", "Inter-token latency of probes: gaps between the chunks of an answer.",
            buckets=ITL_BUCKETS, registry=registry,
        )  # fmt: skip
        for outcome in ("right", "wrong", "unjudged", "failed"):
            self._requests.labels(outcome)

    def see_sample(self, sample: Sample, down_s: float) -> None:
        """`down_s` is the part of the time since the last look in which the engine was down, in seconds."""
        self._up.set(int(sample.up))
        self._down.inc(down_s)
        for gauge, value in (
            (self._health, sample.health_s), (self._running, sample.running), (self._waiting, sample.waiting),
            (self._generated, sample.generated_per_s), (self._prompt, sample.prompt_per_s),
            (self._kv, sample.kv_usage), (self._rss, sample.rss),
        ):  # fmt: skip
            gauge.set(float("nan") if value is None else value)

    def see_probe(self, probe: Probe) -> None:
        self._requests.labels(probe.outcome).inc()
        if probe.outcome in ("right", "wrong"):
            (self._correct if probe.outcome == "right" else self._wrong).inc()
        if probe.ttft_s is not None:
            self._ttft.observe(probe.ttft_s)
        for gap in probe.itl:
            self._itl.observe(gap)
        if probe.accuracy is not None:
            self._accuracy.set(probe.accuracy)

    def see_event(self, event: Event) -> None:
        if event.kind == "restart":
            self._restarts.inc()

    def see_lost(self, rows: int) -> None:
        self._lost.set(rows)

    def text(self) -> bytes:
        return generate_latest(self._registry)
