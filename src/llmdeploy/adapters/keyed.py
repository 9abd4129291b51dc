"""Runs a program with a secret from a file in one environment variable, and lets none of its processes outlive it.

python -m llmdeploy.adapters.keyed --key-file FILE --variable NAME -- PROGRAM ARGUMENT...

No argument and no unit file holds the secret. vLLM is a family of three processes, and an API server that is killed
leaves the two that hold the model (seen with 0.32.0: they stayed for good, beside the restarted ones). So this process
stays as their parent, takes in whoever is orphaned (PR_SET_CHILD_SUBREAPER of prctl(2); Linux only), and ends them.
"""

from __future__ import annotations

import argparse
import contextlib
import ctypes
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from types import FrameType

from llmdeploy.adapters.orphans import die_with_parent

PR_SET_CHILD_SUBREAPER = 36
# Together below the 15 s that the supervisor waits before it kills this process alone.
STOP_SECONDS = 8  # for the program, once it was told to end
LEFT_SECONDS = 4.0  # for the tracker, once all others were killed
TRACKER = "multiprocessing.resource_tracker"


class Family:
    """One program and all processes that come of it."""

    def __init__(self) -> None:
        self._program: subprocess.Popen[bytes] | None = None
        self._told_to_end = False

    def run(self, argv: list[str], environment: dict[str, str]) -> int:
        """Run until the program and all of its processes have ended; its exit status, as a shell gives it."""
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._end)
        signal.signal(signal.SIGALRM, lambda *_: kill_descendants())
        self._program = subprocess.Popen(argv, env=environment, preexec_fn=die_with_parent)
        if self._told_to_end:
            self._program.terminate()
        code = self._program.wait()
        signal.alarm(0)
        end_descendants()
        return code if code >= 0 else 128 - code

    def _end(self, number: int, frame: FrameType | None) -> None:
        self._told_to_end = True
        signal.alarm(STOP_SECONDS)
        if self._program:
            self._program.terminate()


def end_descendants() -> None:
    """Kill what is left: vLLM's core does not hear SIGTERM without its API server. multiprocessing's resource tracker
    removes shared memory when the others are gone, and then ends by itself."""
    kill_descendants()
    deadline = time.monotonic() + LEFT_SECONDS
    while _has_children():
        kill_descendants(all_of_them=time.monotonic() > deadline)
        time.sleep(0.02)


def kill_descendants(all_of_them: bool = False) -> None:
    import psutil

    for process in psutil.Process().children(recursive=True):
        with contextlib.suppress(psutil.NoSuchProcess, psutil.ZombieProcess):
            if all_of_them or not any(TRACKER in part for part in process.cmdline()):
                process.kill()


def _has_children() -> bool:
    """Whether a child is left; those that have ended are taken note of."""
    try:
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass
    except ChildProcessError:
        return False
    return True


def adopt_orphans() -> None:
    """Become the parent of descendants whose own parent ends."""
    if sys.platform != "linux":
        return
    if ctypes.CDLL(None, use_errno=True).prctl(PR_SET_CHILD_SUBREAPER, 1) != 0:
        raise OSError(ctypes.get_errno(), "prctl(PR_SET_CHILD_SUBREAPER) failed")


def main(argv: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="llmdeploy.adapters.keyed", allow_abbrev=False)
    parser.add_argument("--key-file", type=Path, required=True)
    parser.add_argument("--variable", required=True)
    parser.add_argument("program", nargs="+")
    args = parser.parse_args(argv)
    die_with_parent()
    adopt_orphans()
    key = args.key_file.read_text(encoding="ascii").strip()
    return Family().run(args.program, {**os.environ, args.variable: key})


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
