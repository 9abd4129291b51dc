"""One look at a deployment's history: what is, what was in a window of time, and series short enough to draw."""

from __future__ import annotations

import sqlite3
import time
from contextlib import closing
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal

from llmdeploy.errors import StepError
from llmdeploy.monitoring import rows
from llmdeploy.monitoring.wording import duration
from llmdeploy.prober.store import SCHEMA_VERSION

State = Literal["up", "down", "silent", "empty"]

LEAST_SILENCE_S = 5.0
LAST_PROBES = 12


@dataclass(frozen=True)
class Snapshot:
    """What the views show. Times are epoch seconds, spans seconds, shares 0 to 1, memory bytes.

    `state`: `up`, `down`, `silent` (the prober has not written for `silent_s`; the figures are its last) or `empty` (it
    has not written yet). `since` is when the state began. `down_s`, `restarts` and the percentiles are of the window.
    `series` holds columns of equal length, at most about 300 points, None where nothing was seen.
    """

    at: float
    window_s: float
    state: State
    since: float | None
    headline: str
    silent_s: float | None = None
    now: dict[str, Any] = field(default_factory=dict)
    restarts: int = 0
    down_s: float = 0.0
    accuracy: float | None = None
    min_accuracy: float = 0.0
    outcomes: dict[str, int] = field(default_factory=dict)
    ttft_s: dict[str, float | None] = field(default_factory=dict)
    itl_s: dict[str, float | None] = field(default_factory=dict)
    probes: list[dict[str, Any]] = field(default_factory=list)
    events: list[dict[str, Any]] = field(default_factory=list)
    series: dict[str, dict[str, list[Any]]] = field(default_factory=dict)

    @property
    def accurate(self) -> bool:
        """False where the last full pass had fewer right answers than asked for."""
        return self.accuracy is None or self.accuracy >= self.min_accuracy

    @property
    def healthy(self) -> bool:
        """Up, seen to be so just now, and answering rightly."""
        return self.state == "up" and self.accurate

    def as_json(self) -> dict[str, Any]:
        return {"healthy": self.healthy, "accurate": self.accurate, **asdict(self)}


def read_snapshot(history: Path, since_s: float) -> Snapshot:
    """A history from `since_s` (epoch seconds) on, and what is now. A missing history is `empty`.

    Raises StepError where the file cannot be read.
    """
    at = time.time()
    window_s = max(at - since_s, 1.0)
    if not history.exists():
        return _empty(at, window_s)
    try:
        with closing(sqlite3.connect(f"{history.absolute().as_uri()}?mode=ro", uri=True, timeout=2.0)) as db:
            db.row_factory = sqlite3.Row
            db.execute("BEGIN")  # one state of the file for all queries
            if db.execute("PRAGMA user_version").fetchone()[0] != SCHEMA_VERSION:
                return _empty(at, window_s)
            return _read(db, at, window_s)
    except sqlite3.Error as error:
        raise StepError(
            f"cannot read the history {history}: {error}",
            "a running prober sets a damaged history aside by itself; `llmdeploy monitor` starts one",
        ) from error


def _read(db: sqlite3.Connection, at: float, window_s: float) -> Snapshot:
    newest = rows.newest_sample(db)
    if newest is None:
        return _empty(at, window_s)
    start = at - window_s
    watch, events = rows.watch(db), rows.events(db, start)
    silent = at - newest["at"]
    state: State = "up" if newest["up"] else "down"
    if silent > max(LEAST_SILENCE_S, 5 * watch["sample_s"]):
        state = "silent"
    since = newest["at"] if state == "silent" else rows.state_since(db, newest)
    probes = rows.probes(db, start)
    return Snapshot(
        at=at,
        window_s=window_s,
        state=state,
        since=since,
        headline=_headline(state, at - since, newest, events),
        silent_s=silent if state == "silent" else None,
        now=newest,
        restarts=sum(event["kind"] == "restart" for event in events),
        down_s=sum(
            _overlap(event, start, newest["at"] if state == "silent" else at)
            for event in events
            if event["kind"] == "down"
        ),
        accuracy=rows.last_accuracy(db, watch["began"]),
        min_accuracy=watch["min_accuracy"],
        outcomes=rows.outcomes(probes),
        ttft_s=rows.percentiles([probe["ttft_s"] for probe in probes if probe["ttft_s"] is not None]),
        itl_s=rows.percentiles([gap for probe in probes for gap in probe["itl"]]),
        probes=[_shown(probe) for probe in probes[: -LAST_PROBES - 1 : -1]],
        events=events,
        series={"samples": rows.sample_series(db, start, at, watch["sample_s"]), "probes": rows.probe_series(probes)},
    )


def _empty(at: float, window_s: float) -> Snapshot:
    return Snapshot(at, window_s, "empty", None, "No history yet: the prober has not written anything.")


def _headline(state: State, for_s: float, newest: dict[str, Any], events: list[dict[str, Any]]) -> str:
    if state == "silent":
        last = "up" if newest["up"] else "down"
        return f"The prober has been silent for {duration(for_s)}; the engine was {last} when last seen."
    if state == "down":
        reason = next((event["detail"] for event in events if event["ended"] is None), "")
        return f"The engine has been down for {duration(for_s)}" + (f": {reason}." if reason else ".")
    return f"The engine has been up for {duration(for_s)}."


def _overlap(event: dict[str, Any], start: float, end: float) -> float:
    """Seconds of the event inside the window."""
    ended = float(end if event["ended"] is None else event["ended"])
    return max(0.0, min(ended, end) - max(float(event["started"]), start))


def _shown(probe: dict[str, Any]) -> dict[str, Any]:
    """A probe for a list: the mean gap instead of all."""
    gaps = probe["itl"]
    return {**probe, "itl": None, "itl_s": sum(gaps) / len(gaps) if gaps else None}
