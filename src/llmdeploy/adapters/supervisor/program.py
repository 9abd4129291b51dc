"""A program to keep running, and how supervisor wants it written."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Program:
    """One program to keep running; its output goes to `logs/<name>.log` of the state folder.

    `argv` is readable by anyone who can list processes: no secrets.
    """

    name: str
    argv: tuple[str, ...]
    env: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class ProcessInfo:
    """A supervised process. `state` is supervisor's word (RUNNING, STARTING, BACKOFF, STOPPED, FATAL, ...);
    `pid` is 0 while it does not run; `started_at` is in seconds since the epoch."""

    state: str
    pid: int
    started_at: float
    detail: str

    @property
    def alive(self) -> bool:
        return self.pid > 0


def section(program: Program) -> str:
    environment = ",".join(f'{key}="{value}"' for key, value in sorted(program.env.items())).replace("%", "%%")
    return (
        f"[program:{program.name}]\n"
        f"command={_command(program.argv)}\n"
        f"environment={environment}\n"
        "autorestart=true\n"
        "startsecs=1\n"
        "startretries=60\n"
        "stopwaitsecs=15\n"
        "redirect_stderr=true\n"
        f"stdout_logfile=../logs/{program.name}.log\n"
        "stdout_logfile_maxbytes=10MB\n"
        "stdout_logfile_backups=2\n"
    )


def _command(argv: tuple[str, ...]) -> str:
    """One line for supervisor, which splits it like a shell, expands `%` and takes ` ;` and ` #` for comments."""
    quoted = " ".join(shlex.quote(part) for part in argv).replace("%", "%%")
    return quoted.replace(" ;", " '';").replace(" #", " ''#")
