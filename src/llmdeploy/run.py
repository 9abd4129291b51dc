"""One run of one or more steps: who watches it, and what each step recorded."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from llmdeploy.environment import Clock
from llmdeploy.errors import ExitCode, LlmdeployError
from llmdeploy.report import Entry, Report, Status


class Watcher(Protocol):
    """Sees a run as it goes: the screen, the journal."""

    def step_started(self, step: str) -> None: ...
    def doing(self, step: str, name: str) -> None: ...
    def progress(self, label: str, done: int, total: int) -> None: ...
    def entry(self, step: str, entry: Entry) -> None: ...
    def step_ended(self, report: Report) -> None: ...


@dataclass
class Draft:
    """An entry while it is being made."""

    detail: str = ""
    hint: str = ""
    status: Status = "ok"

    def changed(self, detail: str) -> None:
        self.status, self.detail = "changed", detail

    def warn(self, detail: str, hint: str) -> None:
        self.status, self.detail, self.hint = "warning", detail, hint


@dataclass
class Recorder:
    """Collects the entries of one step and tells the watchers; `run` is the id of the run that the step is part of."""

    step: str
    watchers: Sequence[Watcher]
    clock: Clock
    run: str = ""
    entries: list[Entry] = field(default_factory=list)
    data: dict[str, Any] = field(default_factory=dict)
    exit_code: ExitCode = ExitCode.OK

    @contextlib.contextmanager
    def entry(self, name: str) -> Iterator[Draft]:
        """Time one thing; an error inside becomes a failed entry and goes on up."""
        draft, begun = Draft(), self.clock.monotonic()
        for watcher in self.watchers:
            watcher.doing(self.step, name)
        try:
            yield draft
        except BaseException as error:
            draft.status = "failed"
            if isinstance(error, LlmdeployError):
                draft.detail, draft.hint = error.message, error.hint
            else:
                draft.detail = "interrupted" if isinstance(error, KeyboardInterrupt) else repr(error)
            raise
        finally:
            seconds = round(self.clock.monotonic() - begun, 4)
            self._keep(Entry(name, draft.status, seconds, draft.detail, draft.hint))

    def note(self, name: str, detail: str, status: Status = "ok", hint: str = "") -> None:
        """Record something that took no time of its own."""
        self._keep(Entry(name, status, 0.0, detail, hint))

    def doing(self, text: str) -> None:
        """Say what is being done now, within an entry."""
        for watcher in self.watchers:
            watcher.doing(self.step, text)

    def progress(self, label: str, done: int, total: int) -> None:
        for watcher in self.watchers:
            watcher.progress(label, done, total)

    def _keep(self, entry: Entry) -> None:
        self.entries.append(entry)
        for watcher in self.watchers:
            watcher.entry(self.step, entry)


@dataclass
class Run:
    """A run and the reports of its steps so far; they survive a step that fails."""

    id: str
    clock: Clock
    watchers: Sequence[Watcher] = ()
    reports: list[Report] = field(default_factory=list)

    @contextlib.contextmanager
    def step(self, name: str) -> Iterator[Recorder]:
        recorder, begun = Recorder(name, self.watchers, self.clock, self.id), self.clock.monotonic()
        for watcher in self.watchers:
            watcher.step_started(name)
        try:
            yield recorder
        except LlmdeployError as error:
            recorder.exit_code = error.exit_code
            raise
        except KeyboardInterrupt:
            recorder.exit_code = ExitCode.INTERRUPTED
            raise
        except BaseException:
            recorder.exit_code = ExitCode.BUG
            raise
        finally:
            seconds = round(self.clock.monotonic() - begun, 4)
            report = Report(name, tuple(recorder.entries), recorder.exit_code, recorder.data, seconds)
            self.reports.append(report)
            for watcher in self.watchers:
                watcher.step_ended(report)

    @property
    def exit_code(self) -> ExitCode:
        return next((report.exit_code for report in self.reports if not report.ok), ExitCode.OK)
