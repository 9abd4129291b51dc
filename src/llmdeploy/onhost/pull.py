"""Pull mode, started by a timer on a box: `python -I -m llmdeploy.onhost.pull --settings FILE`.

The outcome goes into status.json and, for the node exporter, into a .prom file. Exit code 1 where it is a bad one.
"""

from __future__ import annotations

import argparse
import fcntl
import json
import sys
import time
from pathlib import Path
from typing import Any

from llmdeploy.errors import StepError
from llmdeploy.onhost.engines import Engines
from llmdeploy.onhost.origin import Origin
from llmdeploy.onhost.pulling import Outcome, Puller
from llmdeploy.onhost.slots import Box, write_whole

BAD = ("failed", "refused", "returned")
OUTCOMES = ("current", "updated", "unreachable", *BAD)


def puller(settings: dict[str, Any]) -> Puller:
    box = Box(settings["deployment"], Path(settings["folder"]), Path(settings["tries"]), dict(settings["ports"]))
    key = Path(settings["key_file"])
    admin, rotation = Path(settings["admin"]), Path(settings["rotation"])
    engines = Engines(box, admin, rotation, key, settings["memory_max"], settings["test_seconds"])
    origin = Origin(settings["source"].rstrip("/"), settings["authority"])
    return Puller(box, settings["host"], origin, Path(settings["signer"]), str(key), engines)


def report(outcome: Outcome, box: Box, metrics: Path | None, now: float) -> None:
    state = box.load()
    number = state.releases.get(state.active, 0)
    status = {
        "time": now,
        "outcome": outcome.what,
        "detail": outcome.detail,
        "slot": state.active,
        "release": number,
        "highest": state.highest,
        "fetched_bytes": outcome.fetched,
    }
    write_whole(box.folder / "status.json", json.dumps(status) + "\n")
    if metrics and metrics.parent.is_dir():
        write_whole(metrics, exposition(outcome, box.name, number, now), 0o644)


def exposition(outcome: Outcome, name: str, number: int, now: float) -> str:
    label = f'deployment="{name}"'
    lines = [
        "# HELP llmdeploy_pull_release Number of the release that serves.",
        "# TYPE llmdeploy_pull_release gauge",
        f"llmdeploy_pull_release{{{label}}} {number}",
        "# HELP llmdeploy_pull_time_seconds When the box looked for a release last, epoch seconds.",
        "# TYPE llmdeploy_pull_time_seconds gauge",
        f"llmdeploy_pull_time_seconds{{{label}}} {now:.0f}",
        "# HELP llmdeploy_pull_outcome 1 for what came of it.",
        "# TYPE llmdeploy_pull_outcome gauge",
    ]
    lines += [f'llmdeploy_pull_outcome{{{label},outcome="{one}"}} {int(one == outcome.what)}' for one in OUTCOMES]
    return "\n".join(lines) + "\n"


def main(argv: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="llmdeploy.onhost.pull", allow_abbrev=False)
    parser.add_argument("--settings", type=Path, required=True, help="JSON that the role pull_agent wrote")
    args = parser.parse_args(argv)
    settings = json.loads(args.settings.read_text(encoding="utf-8"))
    metrics = Path(settings["metrics"]) if settings["metrics"] else None
    pulling = puller(settings)
    with (pulling.box.folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        try:
            outcome = pulling.round()
        except StepError as error:
            outcome = Outcome("failed", error.message)
        report(outcome, pulling.box, metrics, time.time())
    print(f"{outcome.what}: {outcome.detail}")  # noqa: T201 - for the journal
    return int(outcome.what in BAD)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
