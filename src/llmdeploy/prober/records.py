"""What a prober writes down. Times are epoch seconds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

EventKind = Literal["down", "restart", "unwatched"]


@dataclass(frozen=True)
class Event:
    """Something that stays visible long after it passed; `ended` is None while it lasts.

    `down`: the engine did not answer. `restart`: another process took its place. `unwatched`: no prober looked.
    """

    kind: EventKind
    started: float
    ended: float | None
    detail: str


@dataclass(frozen=True)
class Process:
    """Which incarnation of the engine runs."""

    pid: int
    started_at: float


@dataclass(frozen=True)
class Sample:
    """One look at an engine; None is a figure that was not to be had.

    Rates are tokens per second, `kv_usage` is 0 to 1, `rss` bytes, `state` the supervisor's word for the process.
    """

    at: float
    up: bool
    health_s: float | None = None
    running: float | None = None
    waiting: float | None = None
    generated_per_s: float | None = None
    prompt_per_s: float | None = None
    kv_usage: float | None = None
    rss: int | None = None
    process: Process | None = None
    state: str = ""


Outcome = Literal["right", "wrong", "unjudged", "failed"]


@dataclass(frozen=True)
class Probe:
    """One prompt asked.

    `itl` holds the gaps between tokens; `ttft_s` and `total_s` count from the request; all in seconds. `accuracy` (0 to
    1) is the share of right answers in the last full pass over the golden prompts, None before the first.
    """

    at: float
    name: str
    outcome: Outcome
    ttft_s: float | None = None
    total_s: float | None = None
    itl: tuple[float, ...] = ()
    accuracy: float | None = None
    detail: str = ""
