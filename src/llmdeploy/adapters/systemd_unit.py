"""What systemd knows of a unit's process; needs no right beyond asking."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass

ANSWER_SECONDS = 5.0
FIELDS = ("LoadState", "SubState", "MainPID")


@dataclass(frozen=True)
class UnitProcess:
    """`state` is systemd's word (running, auto-restart, dead, failed, ...); `pid` is 0 where none runs."""

    state: str
    pid: int


def unit_process(unit: str) -> UnitProcess | None:
    """The main process of a unit; None where there is no such unit or no systemd to ask."""
    try:
        said = subprocess.run(
            ["systemctl", "show", "--no-pager", f"--property={','.join(FIELDS)}", "--", unit],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            timeout=ANSWER_SECONDS,
            check=True,
            text=True,
        ).stdout
    except (OSError, subprocess.SubprocessError):
        return None
    values = dict(line.split("=", 1) for line in said.splitlines() if "=" in line)
    if values.get("LoadState") != "loaded":
        return None
    return UnitProcess(values["SubState"], int(values["MainPID"]))
