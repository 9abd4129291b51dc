"""How an error is told: as text for a person, as JSON for a program."""

from __future__ import annotations

import errno
from pathlib import Path
from typing import Any

from llmdeploy.errors import LlmdeployError, MissingError, SpecError


def describe(error: LlmdeployError, cwd: Path) -> str:
    """`error: what (where)` and `hint: what to do`, one pair for each problem; files as seen from `cwd`."""
    if not isinstance(error, SpecError):
        return f"error: {error.message}" + (f"\nhint: {error.hint}" if error.hint else "")
    file = error.source.removeprefix(f"{cwd}/")
    lines = []
    for problem in error.problems:
        where = problem.source or (f"{file}:{problem.line}" if problem.line else file)
        path = f"{problem.path}: " if problem.path else ""
        lines.append(f"error: {path}{problem.message} ({where})")
        if problem.hint:
            lines.append(f"hint: {problem.hint}")
    return "\n".join(lines)


def explain(error: OSError) -> LlmdeployError | None:
    """A file system that says no is the machine's state, not our bug."""
    where = f": {error.filename}" if error.filename else ""
    hints = {
        errno.ENOSPC: "free some space and run the same command again",
        errno.EDQUOT: "free some of your quota and run the same command again",
        errno.EROFS: "name a folder that you may write to: LLMDEPLOY_STATE=/path/to/folder",
        errno.EACCES: "take the folder's owner or another folder: LLMDEPLOY_STATE=/path/to/folder",
        errno.EPERM: "take the folder's owner or another folder: LLMDEPLOY_STATE=/path/to/folder",
        errno.ENOMEM: "free some memory and run the same command again",
        errno.EMFILE: "raise the limit of open files: ulimit -n 4096",
    }
    if error.errno not in hints:
        return None
    return MissingError(f"{(error.strerror or str(error)).lower()}{where}", hints[error.errno])


def failure_json(error: LlmdeployError) -> dict[str, Any]:
    """The error as `--json` shows it."""
    told: dict[str, Any] = {"message": error.message, "hint": error.hint, "exit_code": int(error.exit_code)}
    if isinstance(error, SpecError):
        told["problems"] = [vars(problem) for problem in error.problems]
    return told
