"""One answer for all who ask at nearly the same time: tabs of a page, frames of a terminal."""

from __future__ import annotations

from collections.abc import Callable
from threading import Lock
from typing import Generic, TypeVar

T = TypeVar("T")


class Shared(Generic[T]):
    """Calls `ask` where its last answer is `seconds` old by `now`, and gives that answer until then. What it raises is
    not kept. May be called by several threads: they wait for the one that asks."""

    def __init__(self, ask: Callable[[], T], seconds: float, now: Callable[[], float]) -> None:
        self._ask, self._seconds, self._now = ask, seconds, now
        self._lock = Lock()
        self._answers: list[tuple[float, T]] = []

    def __call__(self) -> T:
        with self._lock:
            if not self._answers or self._now() - self._answers[0][0] >= self._seconds:
                self._answers = [(self._now(), self._ask())]
            return self._answers[0][1]
