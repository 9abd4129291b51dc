"""The engine's process: which one runs, and how much memory it holds."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from llmdeploy.adapters.supervisor import Supervisor
from llmdeploy.adapters.systemd_unit import unit_process
from llmdeploy.prober.config import ProberConfig
from llmdeploy.prober.records import Process

if TYPE_CHECKING:
    import psutil

ASK_AGAIN_S = 10.0
# While no process is known: often enough to see a restart, seldom enough for a question that costs a process.
ASK_MISSING_S = 1.0
UNSUPERVISED = "unsupervised"
CHILDREN_AGAIN_S = 30.0


@dataclass(frozen=True)
class ProcessLook:
    """`process` is None where none runs; `rss` is in bytes, with its children (vLLM's workers)."""

    state: str
    process: Process | None = None
    rss: int | None = None


@dataclass(frozen=True)
class Found:
    """What a supervisor says: its word for the state, and the process id, 0 where none runs."""

    state: str
    pid: int = 0


def finder(config: ProberConfig) -> Callable[[], Found]:
    """Who is asked for the engine's process: systemd, a supervisor, or nobody, as where it runs on another host."""
    if config.unit:
        return lambda: _in_systemd(config.unit)
    if config.supervisor_folder:
        supervisor = Supervisor(Path(config.supervisor_folder))
        return lambda: _in_supervisor(supervisor, config.process)
    return lambda: Found(UNSUPERVISED)


class EngineProcess:
    """Follows the engine's process, which `find` names.

    It is asked every ten seconds, and once a second while there is none: a look costs one read of /proc.
    """

    def __init__(self, find: Callable[[], Found]) -> None:
        self._find = find
        self._family: list[psutil.Process] = []
        self._process: Process | None = None
        self._state = ""
        self._asked = self._counted = float("-inf")

    def look(self, now: float) -> ProcessLook:
        """What runs at `now` (monotonic seconds)."""
        import psutil

        gone = not self._family or not self._family[0].is_running()
        if now - self._asked >= (ASK_MISSING_S if gone else ASK_AGAIN_S):
            self._ask(now)
        if not self._family:
            return ProcessLook(self._state)
        try:
            if now - self._counted >= CHILDREN_AGAIN_S:
                self._family[1:] = self._family[0].children(recursive=True)
                self._counted = now
            rss = sum(_rss(process) for process in self._family)
        except psutil.Error:
            self._family = []
            return ProcessLook(self._state)
        return ProcessLook(self._state, self._process, rss)

    def _ask(self, now: float) -> None:
        import psutil

        info = self._find()
        self._asked = now
        self._state = info.state
        if not info.pid:
            self._family, self._process = [], None
            return
        if self._process and self._process.pid == info.pid and self._family and self._family[0].is_running():
            return
        try:
            found = psutil.Process(info.pid)
            # The kernel's start time: the supervisor's is in whole seconds.
            self._family, self._process = [found], Process(info.pid, found.create_time())
        except psutil.Error:
            self._family, self._process = [], None
        self._counted = float("-inf")


def _in_supervisor(supervisor: Supervisor, name: str) -> Found:
    info = supervisor.process(name)
    return Found(info.state, info.pid) if info else Found(UNSUPERVISED)


def _in_systemd(unit: str) -> Found:
    found = unit_process(unit)
    if found is None:
        return Found(UNSUPERVISED)
    return Found("RUNNING" if found.state == "running" else found.state, found.pid)


def _rss(process: psutil.Process) -> int:
    """Bytes; 0 for a child that has ended since it was listed."""
    import psutil

    try:
        return int(process.memory_info().rss)
    except psutil.NoSuchProcess:
        return 0
