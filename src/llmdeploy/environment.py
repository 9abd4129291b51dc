"""The world as one argument: streams, folders, variables and time. The command line or a test makes it."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TextIO


@dataclass(frozen=True)
class Clock:
    """`now` is seconds since the epoch, `monotonic` seconds that never go back."""

    now: Callable[[], float] = time.time
    monotonic: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep


@dataclass(frozen=True)
class Environment:
    """Where a command runs. Nothing below the command line reads `sys.stdout`, `os.environ` or the current folder."""

    stdin: TextIO
    stdout: TextIO
    stderr: TextIO
    cwd: Path
    variables: Mapping[str, str]
    clock: Clock = field(default_factory=Clock)

    @property
    def state_root(self) -> Path:
        """The folder that holds every deployment's state: `LLMDEPLOY_STATE`, or `.llmdeploy` in the current folder."""
        chosen = self.variables.get("LLMDEPLOY_STATE")
        return self.cwd / chosen if chosen else self.cwd / ".llmdeploy"

    @property
    def models(self) -> Path:
        """Where fetched weights are kept: `LLMDEPLOY_MODELS`, or `models` beside the deployments."""
        chosen = self.variables.get("LLMDEPLOY_MODELS")
        return self.cwd / chosen if chosen else self.state_root / "models"
