"""What can go wrong, and the exit code that says whose turn it is.

Every error carries one line of what and where, and one line of what to do about it. Anything that is not an
`LlmdeployError` is a bug of ours.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum


class ExitCode(IntEnum):
    OK = 0
    BUG = 1
    USAGE = 2
    SPEC = 3
    MISSING = 4
    STEP = 5
    GATE = 6
    INTERRUPTED = 130


class LlmdeployError(Exception):
    """An expected failure: `message` says what and where, `hint` what to do.

    `reported` is set once a JSON document has told it.
    """

    exit_code = ExitCode.STEP
    reported = False

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


class UsageError(LlmdeployError):
    """The command line is wrong."""

    exit_code = ExitCode.USAGE


@dataclass(frozen=True)
class Problem:
    """One fault of a spec: its path (`workload.slo.ttft_p95`), what is wrong, what to write, and the line (1-based).

    `source` is set where the fault is not in the file that the error names: `command line`.
    """

    path: str
    message: str
    hint: str = ""
    line: int | None = None
    source: str = ""


class SpecError(LlmdeployError):
    """The spec is invalid, or nothing can satisfy it. Holds every problem found, not only the first."""

    exit_code = ExitCode.SPEC

    def __init__(self, problems: Sequence[Problem], source: str) -> None:
        self.problems = tuple(problems)
        self.source = source
        super().__init__("; ".join(f"{p.path}: {p.message}" for p in self.problems))


class MissingError(LlmdeployError):
    """A tool, version, credential, quota or host prerequisite is missing."""

    exit_code = ExitCode.MISSING


class StepError(LlmdeployError):
    """A step failed."""

    exit_code = ExitCode.STEP


class GateError(LlmdeployError):
    """Deployed, but a gate or a probe says no."""

    exit_code = ExitCode.GATE
