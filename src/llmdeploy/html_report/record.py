"""Gathers what a page tells: the run's reports, and what the state folder says about the deployment."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from llmdeploy import __version__
from llmdeploy.errors import ExitCode, StepError
from llmdeploy.html_report.recorded import mapping, mappings, number, text
from llmdeploy.report import Report
from llmdeploy.run import Run
from llmdeploy.state import StateFolder

FIVE_STEPS = ("prepare", "setup", "deploy", "test", "monitor")
RUN_TIME = re.compile(r"(\d{4})(\d\d)(\d\d)-(\d\d)(\d\d)(\d\d)-(\d{3})", re.ASCII)
JOURNAL_TAIL = 4 * 2**20  # bytes; one run writes some 50 kB


@dataclass(frozen=True)
class Record:
    """One run, as JSON types where another version may have written it. Times are seconds since the epoch.

    `command` is the verb, empty where nothing says it; `plan` and `outputs` are empty where there are none, and
    `damage` then says what could not be read.
    """

    deployment: str
    run_id: str
    command: str
    reports: Sequence[Report]
    started: float | None
    seconds: float
    key_file: Path
    plan: dict[str, Any] = field(default_factory=dict)
    outputs: dict[str, Any] = field(default_factory=dict)
    damage: Sequence[tuple[str, str]] = ()
    version: str = __version__

    @property
    def exit_code(self) -> ExitCode:
        return next((one.exit_code for one in self.reports if not one.ok), ExitCode.OK)

    @property
    def steps(self) -> tuple[str, ...]:
        """The steps that the command takes, also those that it did not come to."""
        taken = tuple(one.step for one in self.reports)
        return FIVE_STEPS if self.command == "up" else taken

    @property
    def reached(self) -> dict[str, Report]:
        return {one.step: one for one in self.reports}

    @property
    def failed(self) -> Report | None:
        return next((one for one in self.reports if not one.ok), None)

    @property
    def plan_digest(self) -> str:
        return text(self.plan.get("digest"))

    @property
    def plan_is_of_this_run(self) -> bool:
        return any(text(one.data.get("plan")) == self.plan_digest for one in self.reports)

    @property
    def gates(self) -> list[dict[str, Any]]:
        return next((mappings(one.data.get("gates")) for one in self.reports if one.step == "test"), [])

    @property
    def measured(self) -> float | None:
        return next((number(one.data.get("measured")) for one in self.reports if one.step == "test"), None)

    @property
    def gates_are_older(self) -> bool:
        """Whether an earlier run measured the gates that this one shows."""
        return self.started is not None and self.measured is not None and self.measured < self.started


def record(state: StateFolder, run: Run) -> Record:
    """Everything there is to tell about a run. Files that cannot be understood are named, not raised."""
    plan, plan_damage = _plan(state)
    outputs, outputs_damage = _outputs(state)
    started = begun(run.id)
    lasted = run.clock.now() - started if started is not None else -1.0
    reports = list(run.reports)
    return Record(
        deployment=state.name,
        run_id=run.id,
        command=_command(state.journal, run.id) or _guess(reports),
        reports=reports,
        started=started,
        seconds=lasted if lasted >= 0 else sum(one.seconds for one in reports),
        key_file=state.key_file.absolute(),
        plan=plan,
        outputs=outputs,
        damage=[*plan_damage, *outputs_damage],
    )


def begun(run_id: str) -> float | None:
    """The time in a run's id (`20261123-060957-120`, UTC), or None for an id of another kind."""
    found = RUN_TIME.fullmatch(run_id)
    if not found:
        return None
    year, month, day, hour, minute, second, thousandth = map(int, found.groups())
    # Days since 1970 in the Gregorian calendar, with years that begin in March (H. Hinnant, "chrono-compatible
    # low-level date algorithms"). The parsers of the standard library take longer to load than the report to write.
    years = year - (month <= 2)
    days = 365 * years + years // 4 - years // 100 + years // 400 + (153 * ((month + 9) % 12) + 2) // 5 + day - 719_469
    epoch = 86_400 * days + 3600 * hour + 60 * minute + second
    is_a_time = time.strftime("%Y%m%d-%H%M%S", time.gmtime(epoch)) == run_id[:15]
    return epoch + thousandth / 1000 if is_a_time else None


def _plan(state: StateFolder) -> tuple[dict[str, Any], list[tuple[str, str]]]:
    try:
        plan = state.load_plan()
        return (plan.as_json() if plan else {}), []
    except StepError as error:
        return {}, [(error.message, error.hint)]
    except (AttributeError, KeyError, TypeError, RecursionError) as error:  # whole JSON, and no plan of this version
        hint = f"`llmdeploy prepare --name {state.name}` writes a new one"
        return {}, [(f"the plan was written by another version or by hand: {error!r}", hint)]


def _outputs(state: StateFolder) -> tuple[dict[str, Any], list[tuple[str, str]]]:
    try:
        return mapping(state.load_outputs()), []
    except StepError as error:
        return {}, [(error.message, error.hint)]
    except RecursionError as error:
        return {}, [
            (f"the record of the deployment was written by hand: {error!r}", "`llmdeploy deploy` writes it anew")
        ]


def _command(journal: Path, run_id: str) -> str:
    """The verb of a run as the journal has it. Read from the end: a journal may be long."""
    try:
        with journal.open("rb") as file:
            file.seek(max(0, file.seek(0, 2) - JOURNAL_TAIL))
            tail = file.read()
    except FileNotFoundError:
        return ""
    start = tail.rfind(f'"run": "{run_id}", "event": "run-started"'.encode())
    if start < 0:
        return ""
    line = tail[tail.rfind(b"\n", 0, start) + 1 :].split(b"\n", 1)[0]
    try:
        return text(mapping(json.loads(line)).get("command"))
    except ValueError:
        return ""


def _guess(reports: Sequence[Report]) -> str:
    """Only `up` takes more than one step."""
    return "up" if len(reports) > 1 else "".join(one.step for one in reports)
