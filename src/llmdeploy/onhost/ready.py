"""ExecStartPost of an engine: waits until it answers a chat, and puts it into rotation.

While the hold file is there, the replica stays out: a roll tests it first, and only then removes the file.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from llmdeploy.adapters.http import answers, healthy
from llmdeploy.adapters.waiting import pause
from llmdeploy.endpoint import Endpoint
from llmdeploy.errors import StepError
from llmdeploy.onhost import replica, rotation
from llmdeploy.onhost.main_process import main_pid, runs
from llmdeploy.onhost.rotation import Rotation

LEAST_ANSWER_SECONDS = 5.0


def note(record: Path, made_of: Sequence[Path]) -> None:
    """Write down which files this start was made of, so that a later run sees whether they have changed since."""
    sums = {str(path): hashlib.sha256(path.read_bytes()).hexdigest() for path in made_of}
    new = record.with_suffix(".new")
    new.write_text(json.dumps(sums))
    new.replace(record)


def wait_until_it_answers(endpoint: Endpoint, pid: int | None, seconds: float) -> None:
    """Raises StepError when it ends, when the time is over, or when it refuses a chat. No `pid`: nobody watches it."""
    began = time.monotonic()
    while not healthy(endpoint):
        if pid is not None and not runs(pid):
            raise StepError("the engine ended while it loaded the model")
        if time.monotonic() - began > seconds:
            raise StepError(f"the engine did not answer within {seconds:g} s")
        pause(began)
    problem = answers(endpoint, max(LEAST_ANSWER_SECONDS, seconds - (time.monotonic() - began)))
    if problem:
        raise StepError(f"the engine is up but does not answer a chat: {problem}")


def bring_in(endpoint: Endpoint, place: Rotation, hold: Path, pid: int | None, seconds: float) -> str:
    """What was done, in one line.

    Where HAProxy refuses, a start (with `pid`) goes on all the same: an engine that serves is not ended for that.
    """
    began = time.monotonic()
    if hold.exists():
        place.drain(out=True)  # before it answers: after a crash or a reboot nothing else has marked it
    wait_until_it_answers(endpoint, pid, seconds)
    took = f"ready after {time.monotonic() - began:.1f} s"
    if hold.exists():
        place.drain(out=True)  # HAProxy may have come up meanwhile
        return f"{took}, held out of rotation until its test has passed ({hold})"
    try:
        told = place.drain(out=False)
    except StepError as error:
        if pid is None:
            raise
        return f"{took}, rotation unknown: {error.message}"
    return f"{took}, {place.replica} in rotation" if told else f"{took}; no HAProxy at {place.admin}"


def main(argv: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="llmdeploy.onhost.ready", allow_abbrev=False)
    replica.add_arguments(parser)
    rotation.add_arguments(parser)
    parser.add_argument("--hold", type=Path, required=True)
    parser.add_argument("--record", type=Path, help="where to write what this start was made of")
    parser.add_argument("--made-of", type=Path, action="append", default=[], help="a file that decides what runs")
    args = parser.parse_args(argv)
    pid = main_pid(os.environ) if "MAINPID" in os.environ else None
    try:
        if args.record and pid:
            note(args.record, args.made_of)
        said = bring_in(replica.endpoint(args), Rotation.of(args), args.hold, pid, args.seconds)
    except StepError as error:
        sys.stderr.write(f"not ready: {error.message}\n")
        return int(error.exit_code)
    sys.stdout.write(f"{said}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
