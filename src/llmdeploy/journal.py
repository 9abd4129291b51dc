"""The journal: what every run did to a deployment, one JSON object a line, append-only."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from llmdeploy.environment import Clock
from llmdeploy.report import Entry, Report


@dataclass(frozen=True)
class Journal:
    """Watches a run and writes it down. Each line is one write, so a kill tears at most the last one."""

    path: Path
    run: str
    clock: Clock

    def write(self, event: str, **data: Any) -> None:
        line = json.dumps({"time": round(self.clock.now(), 3), "run": self.run, "event": event, **data})
        handle = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        try:
            if _torn(self.path):
                line = "\n" + line
            os.write(handle, (line + "\n").encode())
        finally:
            os.close(handle)

    def step_started(self, step: str) -> None:
        self.write("step-started", step=step)

    def doing(self, step: str, name: str) -> None:
        """An entry is written when it is done."""

    def progress(self, label: str, done: int, total: int) -> None:
        """Progress is for the screen."""

    def entry(self, step: str, entry: Entry) -> None:
        self.write("entry", step=step, entry=asdict(entry))

    def step_ended(self, report: Report) -> None:
        self.write("step-ended", step=report.step, exit_code=int(report.exit_code), data=report.data)


def _torn(path: Path) -> bool:
    with path.open("rb") as file:
        if file.seek(0, os.SEEK_END) == 0:
            return False
        file.seek(-1, os.SEEK_END)
        return file.read(1) != b"\n"


def read_journal(path: Path) -> Iterator[dict[str, Any]]:
    """Every whole line, oldest first; a line torn by a kill is passed over."""
    try:
        lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
    except FileNotFoundError:
        return
    for line in lines:
        try:
            yield json.loads(line)
        except ValueError:
            continue


def interrupted_step(path: Path) -> str:
    """The step in which the last run was cut off without a word, or an empty text."""
    open_step = ""
    for event in read_journal(path):
        if event["event"] == "step-started":
            open_step = event["step"]
        elif event["event"] == "step-ended":
            open_step = ""
    return open_step


def last_passed_test(path: Path, plan: str, asked: str) -> dict[str, Any] | None:
    """The newest passed test of this plan digest with these test settings since the newest deploy that changed
    something, with its `time`; None where there is none."""
    found = None
    for event in read_journal(path):
        if event["event"] != "step-ended":
            continue
        data = event.get("data", {})
        if event["step"] == "test":
            passed = event["exit_code"] == 0 and data.get("plan") == plan and data.get("asked") == asked
            found = {**data, "time": event["time"]} if passed else None
        elif event["step"] == "deploy" and data.get("restarted"):
            found = None
    return found
