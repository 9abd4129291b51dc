"""The engine's process: which one runs, and how much memory it holds."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from llmdeploy.adapters.supervisor import Supervisor
from llmdeploy.prober.records import Process

if TYPE_CHECKING:
    import psutil

ASK_AGAIN_S = 10.0
CHILDREN_AGAIN_S = 30.0


@dataclass(frozen=True)
class ProcessLook:
    """`process` is None where none runs; `rss` is in bytes, with its children (vLLM's workers)."""

    state: str
    process: Process | None = None
    rss: int | None = None


class EngineProcess:
    """Follows the process called `name` under the supervisor of `folder`.

    The supervisor is asked when the process is unknown or gone, and every ten seconds: a look costs one read of /proc.
    """

    def __init__(self, folder: Path, name: str) -> None:
        self._supervisor = Supervisor(folder)
        self._name = name
        self._family: list[psutil.Process] = []
        self._process: Process | None = None
        self._state = ""
        self._asked = self._counted = float("-inf")

    def look(self, now: float) -> ProcessLook:
        """What runs at `now` (monotonic seconds)."""
        import psutil

        if now - self._asked >= ASK_AGAIN_S or not self._family or not self._family[0].is_running():
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

        info = self._supervisor.process(self._name)
        self._asked = now
        self._state = info.state if info else "unsupervised"
        if info is None or not info.pid:
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


def _rss(process: psutil.Process) -> int:
    """Bytes; 0 for a child that has ended since it was listed."""
    import psutil

    try:
        return int(process.memory_info().rss)
    except psutil.NoSuchProcess:
        return 0
