"""Percentiles, and the correction for coordinated omission."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

PERCENTILES = (50, 90, 95, 99)


def percentile(samples: Sequence[float], percent: float) -> float:
    """The nearest-rank percentile of sorted samples: the smallest one that at least `percent` % do not exceed.

    Rank = ceil(percent / 100 * count), as HdrHistogram takes it; nothing is interpolated, so the figure is one that
    was measured, and with fewer than 100 samples p99 is the largest. Raises ValueError for no samples.
    """
    if not samples:
        raise ValueError("no samples")
    # Rounded first, because 0.07 * 100 is 7.000000000000001 in binary and would take the next rank.
    rank = math.ceil(round(percent / 100 * len(samples), 9))
    return samples[min(max(rank, 1), len(samples)) - 1]


def summary(seconds: Iterable[float]) -> dict[str, float]:
    """p50, p90, p95, p99, max and mean in milliseconds, and the count of samples; only the count if it is 0."""
    samples = sorted(seconds)
    if not samples:
        return {"count": 0}
    figures = {f"p{percent}": percentile(samples, percent) for percent in PERCENTILES}
    figures |= {"max": samples[-1], "mean": math.fsum(samples) / len(samples)}
    return {name: round(1000 * value, 3) for name, value in figures.items()} | {"count": len(samples)}


def with_omitted(samples: Iterable[float], interval: float) -> list[float]:
    """The samples and those that a stall kept a closed loop from taking.

    A worker that waits `s` for one answer does not send the requests that it would have sent meanwhile, one every
    `interval`; they would have waited `s - interval`, `s - 2 * interval`, ... down to `interval`. This adds them, as
    HdrHistogram's recordValueWithExpectedInterval does (hdrhistogram.org; G. Tene, "How NOT to Measure Latency").
    """
    corrected = []
    for sample in samples:
        corrected.append(sample)
        if interval > 0:
            omitted = max(0, math.floor(round(sample / interval, 9)) - 1)
            corrected += [sample - step * interval for step in range(1, omitted + 1)]
    return corrected
