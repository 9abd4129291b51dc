"""Processes told to end, and waited for."""

from __future__ import annotations

import contextlib
import signal
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import psutil

STOP_SECONDS = 20.0


def children(daemon: psutil.Process) -> list[psutil.Process]:
    import psutil

    try:
        return daemon.children(recursive=True)
    except psutil.NoSuchProcess:
        return []


def wait_for_end(processes: list[psutil.Process], wake: Callable[[], object] = lambda: None) -> list[psutil.Process]:
    """Those that are still at work after `STOP_SECONDS`; `wake` is called while waiting.

    A process that only waits for its parent to take note has ended.
    """
    import psutil

    def at_work(process: psutil.Process) -> bool:
        try:
            return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
        except psutil.NoSuchProcess:
            return False

    deadline = time.monotonic() + STOP_SECONDS
    while (left := [one for one in processes if at_work(one)]) and time.monotonic() < deadline:
        wake()
        time.sleep(0.01)
    return left


def signal_all(processes: list[psutil.Process], number: signal.Signals) -> None:
    import psutil

    for process in processes:
        with contextlib.suppress(psutil.NoSuchProcess):
            process.send_signal(number)
