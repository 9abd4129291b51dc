"""The queries behind a snapshot: each takes a read-only connection and gives plain values."""

from __future__ import annotations

import math
import sqlite3
from array import array
from typing import Any

POINTS = 300
MOST_EVENTS = 100
MOST_PROBES = 5000
COLUMNS = ("up", "running", "waiting", "generated_per_s", "prompt_per_s", "kv_usage", "rss", "health_s")


def watch(db: sqlite3.Connection) -> dict[str, float]:
    """When the prober began, how often it looks (seconds), and the accuracy (0 to 1) it was told to ask for."""
    found = db.execute("SELECT began, sample_s, interval_s, min_accuracy FROM watch").fetchone()
    return dict(found) if found else {"began": 0.0, "sample_s": 1.0, "interval_s": 30.0, "min_accuracy": 0.0}


def newest_sample(db: sqlite3.Connection) -> dict[str, Any] | None:
    found = db.execute("SELECT * FROM samples ORDER BY id DESC LIMIT 1").fetchone()
    if found is None:
        return None
    return {key: bool(found[key]) if key == "up" else found[key] for key in found.keys() if key != "id"}  # noqa: SIM118


def state_since(db: sqlite3.Connection, newest: dict[str, Any]) -> float:
    """When the present state began: the outage, or the end of the last, or the engine's start, or the first look."""
    if not newest["up"]:
        found = db.execute("SELECT max(started) FROM events WHERE kind = 'down' AND ended IS NULL").fetchone()[0]
        return float(found if found is not None else newest["at"])
    ended = db.execute("SELECT max(ended) FROM events WHERE kind IN ('down', 'restart')").fetchone()[0] or 0.0
    begun = max(float(ended), float(newest["started"] or 0.0))
    return begun or float(db.execute("SELECT at FROM samples ORDER BY id LIMIT 1").fetchone()[0])


def events(db: sqlite3.Connection, start: float) -> list[dict[str, Any]]:
    """Events that touch the time after `start`, newest first."""
    found = db.execute(
        "SELECT kind, started, ended, detail FROM events WHERE ended IS NULL OR ended >= ?"
        " ORDER BY started DESC LIMIT ?",
        (start, MOST_EVENTS),
    )
    return [dict(row) for row in found]


def probes(db: sqlite3.Connection, start: float) -> list[dict[str, Any]]:
    """Probes after `start`, oldest first; the newest few thousand where there are more."""
    found = db.execute(
        "SELECT at, name, outcome, ttft_s, total_s, itl, detail FROM probes WHERE at >= ? ORDER BY id DESC LIMIT ?",
        (start, MOST_PROBES),
    ).fetchall()
    return [{**dict(row), "itl": array("f", row["itl"]).tolist()} for row in reversed(found)]


def last_accuracy(db: sqlite3.Connection, began: float) -> float | None:
    """Of the last full pass after `began`: an older one may be of another model or other prompts."""
    found = db.execute(
        "SELECT accuracy FROM probes WHERE accuracy IS NOT NULL AND at >= ? ORDER BY id DESC LIMIT 1", (began,)
    ).fetchone()
    return float(found[0]) if found else None


def outcomes(found: list[dict[str, Any]]) -> dict[str, int]:
    return {name: sum(probe["outcome"] == name for probe in found) for name in ("right", "wrong", "unjudged", "failed")}


def percentiles(values: list[float]) -> dict[str, float | None]:
    """p50 and p95, interpolated between the two nearest ranks; None of no values."""
    ordered = sorted(values)

    def at(part: float) -> float | None:
        if not ordered:
            return None
        place = part * (len(ordered) - 1)
        low, high = ordered[math.floor(place)], ordered[math.ceil(place)]
        return low + (high - low) * (place - math.floor(place))

    return {"p50": at(0.50), "p95": at(0.95)}


def sample_series(db: sqlite3.Connection, start: float, end: float, sample_s: float) -> dict[str, list[Any]]:
    """Columns over time, one point per bucket: means of rates, the worst of health, the most of the rest.

    A second of outage stays visible in any window, because a bucket is up only where every look in it was.
    """
    width = max((end - start) / POINTS, sample_s)
    # Buckets lie on whole multiples of their width, so that points stay where they are from one call to the next.
    found = db.execute(
        "SELECT max(at) AS at, min(up) AS up, max(running) AS running, max(waiting) AS waiting,"
        " avg(generated_per_s) AS generated_per_s, avg(prompt_per_s) AS prompt_per_s, max(kv_usage) AS kv_usage,"
        " max(rss) AS rss, max(health_s) AS health_s"
        " FROM samples WHERE at >= ? GROUP BY CAST(samples.at / ? AS INTEGER) ORDER BY 1",
        (start, width),
    )
    series: dict[str, list[Any]] = {name: [] for name in ("at", *COLUMNS)}
    before = None
    for row in found:
        if before is not None and row["at"] - before > 3 * width + sample_s:
            _append(series, before + width, dict.fromkeys(COLUMNS))
        _append(series, row["at"], {name: row[name] for name in COLUMNS})
        before = row["at"]
    return series


def _append(series: dict[str, list[Any]], at: float, values: dict[str, Any]) -> None:
    series["at"].append(round(at, 3))
    for name, value in values.items():
        series[name].append(round(value, 4) if isinstance(value, float) else value)


def probe_series(found: list[dict[str, Any]]) -> dict[str, list[Any]]:
    """Columns over probes, at most 300 points: medians of the times, the share of right answers among those judged."""
    series: dict[str, list[Any]] = {name: [] for name in ("at", "ttft_s", "itl_s", "right", "failed")}
    step = max(1, math.ceil(len(found) / POINTS))
    for first in range(0, len(found), step):
        group = found[first : first + step]
        judged = [probe for probe in group if probe["outcome"] in ("right", "wrong")]
        series["at"].append(round(group[-1]["at"], 3))
        series["ttft_s"].append(percentiles([probe["ttft_s"] for probe in group if probe["ttft_s"] is not None])["p50"])
        series["itl_s"].append(percentiles([gap for probe in group for gap in probe["itl"]])["p50"])
        series["right"].append(sum(probe["outcome"] == "right" for probe in judged) / len(judged) if judged else None)
        series["failed"].append(sum(probe["outcome"] == "failed" for probe in group))
    return series
