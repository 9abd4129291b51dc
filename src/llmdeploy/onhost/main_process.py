"""The unit's main process, as systemd names it to the commands beside it."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping


def main_pid(environment: Mapping[str, str]) -> int:
    """0 where there is none, because it has ended."""
    return int(environment.get("MAINPID") or 0)


def runs(pid: int) -> bool:
    """Whether it has not ended. Asked by signal 0: its folder in /proc is hidden from the other commands of its unit,
    each of which systemd puts into a user namespace of its own."""
    if pid <= 0:
        return False
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def sleep_while_it_runs(seconds: float, pid: int, step: float = 0.1) -> bool:
    """Whether it still ran when the time was over; returns at once when it ends."""
    end = time.monotonic() + seconds
    while runs(pid):
        left = end - time.monotonic()
        if left <= 0:
            return True
        time.sleep(min(step, left))
    return False
