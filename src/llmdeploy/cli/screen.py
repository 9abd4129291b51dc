"""How a run looks while it goes: lines on a pipe, the same lines with colour and a moving last line on a terminal."""

from __future__ import annotations

from typing import Any, TextIO

from llmdeploy.environment import Environment
from llmdeploy.report import Entry, Report
from llmdeploy.run import Watcher

STYLES = {"ok": "green", "changed": "cyan", "warning": "yellow", "failed": "bold red", "skipped": "dim"}
NAME_WIDTH = 16
WORTH_TELLING = 16 * 2**20  # bytes: below, a line takes longer to read than the work to do


class Screen(Watcher):
    """Closed when the run ends, whatever happened."""

    def close(self) -> None: ...


def screen(environment: Environment, quiet: bool) -> Screen:
    if quiet:
        return Silent()
    if environment.stderr.isatty() and environment.variables.get("TERM") != "dumb":
        return Terminal(environment.stderr, colour="NO_COLOR" not in environment.variables)
    return Lines(environment.stderr)


class Silent(Screen):
    """For `--json`: the report says it all."""

    def step_started(self, step: str) -> None: ...
    def doing(self, step: str, name: str) -> None: ...
    def progress(self, label: str, done: int, total: int) -> None: ...
    def entry(self, step: str, entry: Entry) -> None: ...
    def step_ended(self, report: Report) -> None: ...


class Lines(Silent):
    """Plain lines; a download says where it is at each tenth."""

    def __init__(self, stream: TextIO) -> None:
        self.stream = stream
        self.told: tuple[str, int] = ("", -1)

    def write(self, text: str) -> None:
        self.stream.write(text + "\n")
        self.stream.flush()

    def step_started(self, step: str) -> None:
        self.write(step)

    def progress(self, label: str, done: int, total: int) -> None:
        if total < WORTH_TELLING:
            return
        tenth = done * 10 // total
        if (label, tenth) != self.told:
            self.told = (label, tenth)
            self.write(f"  {'':8}{label}: {done / 2**20:.0f} of {total / 2**20:.0f} MiB")

    def entry(self, step: str, entry: Entry) -> None:
        self.write(_line(entry))
        if entry.hint and entry.status == "warning":
            self.write(f"  {'':8}{'':{NAME_WIDTH}}hint: {entry.hint}")


class Terminal(Silent):
    """Finished entries scroll up; the last line shows what is being done and how far it is."""

    def __init__(self, stream: TextIO, colour: bool) -> None:
        from rich.console import Console
        from rich.progress import (
            BarColumn,
            DownloadColumn,
            Progress,
            SpinnerColumn,
            TextColumn,
            TimeRemainingColumn,
        )

        self.console = Console(file=stream, no_color=not colour, highlight=False)
        spinner = (SpinnerColumn(), TextColumn("{task.description}"))
        self.working = Progress(*spinner, console=self.console, transient=True)
        self.bar = Progress(
            *spinner,
            BarColumn(),
            DownloadColumn(binary_units=True),
            TimeRemainingColumn(),
            console=self.console,
            transient=True,
        )
        self.task: Any = self.working.add_task("", total=None)
        self.download: Any = None
        self.working.start()

    def step_started(self, step: str) -> None:
        self.console.print(step, style="bold")

    def doing(self, step: str, name: str) -> None:
        self.working.update(self.task, description=f"{step}: {name}")

    def progress(self, label: str, done: int, total: int) -> None:
        if self.download is None:
            self.working.stop()
            self.bar.start()
            self.download = self.bar.add_task(label, total=total)
        self.bar.update(self.download, description=label, completed=done, total=total)

    def entry(self, step: str, entry: Entry) -> None:
        if self.download is not None:
            self.bar.remove_task(self.download)
            self.bar.stop()
            self.download = None
            self.working.start()
        from rich.text import Text

        text = Text(_line(entry))
        text.stylize(STYLES[entry.status], 2, 10)
        self.console.print(text, soft_wrap=True)
        if entry.hint and entry.status == "warning":
            self.console.print(Text(f"  {'':8}{'':{NAME_WIDTH}}hint: {entry.hint}"), soft_wrap=True)

    def close(self) -> None:
        self.bar.stop()
        self.working.stop()


def _line(entry: Entry) -> str:
    seconds = f"  ({entry.seconds:.2f} s)" if entry.seconds >= 0.005 else ""
    return f"  {entry.status:8}{entry.name:{NAME_WIDTH - 1}} {entry.detail}{seconds}"
