"""The prober's own figures, as far as Prometheus reads them."""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass, field
from itertools import accumulate

from llmdeploy.prober.records import Event, Probe, Sample

# Seconds. From a tiny model on loopback to a large one under load.
TTFT_BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0)
ITL_BUCKETS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0)
OUTCOMES = ("right", "wrong", "unjudged", "failed")


class Distribution:
    """Counts of values by their upper bound, with what is above the last."""

    def __init__(self, bounds: tuple[float, ...]) -> None:
        self.total = 0.0
        self._bounds = bounds
        self._counts = [0] * (len(bounds) + 1)

    def observe(self, value: float) -> None:
        self.total += value
        self._counts[bisect_left(self._bounds, value)] += 1

    def cumulative(self) -> list[tuple[str, float]]:
        """Each bound as Prometheus writes it, with the number of values up to it."""
        return list(zip([*map(str, self._bounds), "+Inf"], accumulate(self._counts), strict=True))


@dataclass
class Exposition:
    """Takes what was seen; `text()` is what Prometheus reads."""

    sample: Sample = Sample(at=0.0, up=False)
    accuracy: float = float("nan")
    restarts: int = 0
    down_s: float = 0.0
    lost_rows: int = 0
    outcomes: dict[str, int] = field(default_factory=lambda: dict.fromkeys(OUTCOMES, 0))
    ttft: Distribution = field(default_factory=lambda: Distribution(TTFT_BUCKETS))
    itl: Distribution = field(default_factory=lambda: Distribution(ITL_BUCKETS))

    def see_sample(self, sample: Sample, down_s: float) -> None:
        """`down_s` is the part of the time since the last look in which the engine was down, in seconds."""
        self.sample = sample
        self.down_s += down_s

    def see_probe(self, probe: Probe) -> None:
        self.outcomes[probe.outcome] += 1
        if probe.ttft_s is not None:
            self.ttft.observe(probe.ttft_s)
        for gap in probe.itl:
            self.itl.observe(gap)
        if probe.accuracy is not None:
            self.accuracy = probe.accuracy

    def see_event(self, event: Event) -> None:
        if event.kind == "restart":
            self.restarts += 1

    def see_lost(self, rows: int) -> None:
        self.lost_rows = rows

    def text(self) -> bytes:
        from llmdeploy.prober.prometheus_text import text_of  # 20 ms of each start, and few are ever scraped

        return text_of(self)
