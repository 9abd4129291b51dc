"""Progress over many bytes, told at most ten times a second."""

from __future__ import annotations

import time
from collections.abc import Callable

Told = Callable[[str, int, int], None]
INTERVAL = 0.1


class Progress:
    """Counts bytes towards `total` and tells `told(label, done, total)`; the first and the last always."""

    def __init__(self, told: Told, label: str, total: int, done: int = 0) -> None:
        self._told, self._label, self._total, self._done = told, label, total, done
        self._next = time.monotonic() + INTERVAL
        told(label, done, total)

    def add(self, count: int) -> None:
        """`count` more bytes; fewer than none where a download starts again from the beginning."""
        self._done += count
        now = time.monotonic()
        if now >= self._next or self._done == self._total:
            self._next = now + INTERVAL
            self._told(self._label, self._done, self._total)
