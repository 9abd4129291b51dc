"""ExecStop of an engine: no new requests, and those that run may end. systemd sends SIGTERM when this returns."""

from __future__ import annotations

import argparse
import os
import sys
import time

from llmdeploy.errors import StepError
from llmdeploy.onhost.main_process import main_pid, runs, sleep_while_it_runs
from llmdeploy.onhost.rotation import Rotation, add_arguments

NOTICE_SECONDS = 1.5  # gateways look every 500 ms and take a replica out at the second 404
QUIET_SECONDS = 0.3  # a request that had been sent before the notice may just be arriving
LOOK_SECONDS = 0.1


def drain(rotation: Rotation, pid: int, seconds: float) -> str:
    """What was done, in one line. `seconds` bounds the wait, the notice included."""
    began = time.monotonic()
    if not runs(pid):
        return "not drained: the engine has ended already"
    if not rotation.there():
        return f"not drained: no HAProxy at {rotation.admin}"
    rotation.drain(out=True)
    if not sleep_while_it_runs(min(NOTICE_SECONDS, seconds), pid):
        return "the engine ended while it was drained"
    quiet_since: float | None = None
    while True:
        rotation.mark(out=True)
        now, sessions = time.monotonic(), rotation.sessions()
        quiet_since = None if sessions else quiet_since or now
        if quiet_since and now - quiet_since >= QUIET_SECONDS:
            return f"drained {rotation.replica} in {now - began:.1f} s"
        if now - began >= seconds:
            return f"not drained within {seconds:g} s: {sessions} request(s) of {rotation.replica} are cut off"
        if not sleep_while_it_runs(LOOK_SECONDS, pid, LOOK_SECONDS):
            return "the engine ended while it was drained"


def main(argv: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="llmdeploy.onhost.drain", allow_abbrev=False)
    add_arguments(parser)
    parser.add_argument("--seconds", type=float, required=True, help="how long running requests may take to end")
    args = parser.parse_args(argv)
    try:
        said = drain(Rotation.of(args), main_pid(os.environ), args.seconds)
    except StepError as error:
        sys.stderr.write(f"not drained: {error.message}\n")
        return int(error.exit_code)
    sys.stdout.write(f"{said}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
