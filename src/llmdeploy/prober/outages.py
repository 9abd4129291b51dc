"""Turns a row of looks at an engine into events: when it was down, when it was started anew. Pure."""

from __future__ import annotations

from llmdeploy.prober.records import Event, Process


class Outages:
    """Watches one engine, going on from what a former prober left: an open `down` event, the process it saw."""

    def __init__(self, down: Event | None = None, process: Process | None = None) -> None:
        self.down = down
        self._process = process

    def look(self, at: float, up: bool, reason: str = "") -> Event | None:
        """The down event that this look (at epoch seconds) opened or closed, or None."""
        if not up:
            if self.down is not None:
                return None
            self.down = Event("down", at, None, reason)
            return self.down
        if self.down is None:
            return None
        closed = Event("down", self.down.started, at, self.down.detail)
        self.down = None
        return closed

    def process(self, at: float, process: Process) -> Event | None:
        """A restart event, from the process's start to this look, where it is another process than before."""
        before, self._process = self._process, process
        if before is None or before == process:
            return None
        return Event("restart", min(process.started_at, at), at, f"process {before.pid} became {process.pid}")
