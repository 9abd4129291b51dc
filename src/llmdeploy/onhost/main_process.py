"""The unit's main process, as systemd names it to the commands beside it."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from pathlib import Path


def main_pid(environment: Mapping[str, str]) -> int:
    """0 where there is none, because it has ended."""
    return int(environment.get("MAINPID") or 0)


def runs(pid: int) -> bool:
    """Whether it runs now; a process that nobody has reaped yet does not."""
    if pid <= 0:
        return False
    try:
        os.kill(pid, 0)
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="ascii", errors="replace")
    except (ProcessLookupError, FileNotFoundError):
        return False
    return stat.rpartition(")")[2].split()[0] not in ("Z", "X")


def sleep_while_it_runs(seconds: float, pid: int, step: float = 0.1) -> bool:
    """Whether it still ran when the time was over; returns at once when it ends."""
    end = time.monotonic() + seconds
    while runs(pid):
        left = end - time.monotonic()
        if left <= 0:
            return True
        time.sleep(min(step, left))
    return False
