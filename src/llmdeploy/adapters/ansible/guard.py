"""Runs a command; when it is told to stop, it leaves none of the command's processes behind.

Workers of Ansible have sessions of their own. Where ansible-playbook is killed they stay, and wait for ever.
"""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

PR_SET_CHILD_SUBREAPER = 36
STOP_SECONDS = 8.0
POLL_SECONDS = 0.1


def main(command: Sequence[str]) -> int:
    """Exit code of the command; 143 where it was stopped."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1)  # what loses its parent becomes our child
    asked: list[int] = []
    signal.signal(signal.SIGTERM, lambda number, _: asked.append(number))
    child = subprocess.Popen(command)
    while child.poll() is None and not asked:
        time.sleep(POLL_SECONDS)
    if not asked:
        return child.returncode  # what goes on now was meant to: SSH keeps connections for the next run
    child.terminate()
    deadline = time.monotonic() + STOP_SECONDS
    while child.poll() is None and time.monotonic() < deadline:
        time.sleep(POLL_SECONDS)
    _end_all()
    return 128 + signal.SIGTERM


def _end_all() -> None:
    """Kill our children until there are none: each one's own become ours."""
    while children := _children():
        for number in children:
            os.kill(number, signal.SIGKILL)
            os.waitpid(number, 0)


def _children() -> list[int]:
    """Processes whose parent we are; the fourth word of `stat` behind the name, which may hold anything."""
    found, own = [], str(os.getpid())
    for entry in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = entry.read_text(errors="replace").rpartition(")")[2].split()
        except OSError:
            continue
        if fields[1] == own:
            found.append(int(entry.parent.name))
    return found


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
