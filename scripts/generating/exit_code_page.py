"""docs/reference/exit-codes.md: the codes of llmdeploy.errors."""

from __future__ import annotations

from llmdeploy import errors
from llmdeploy.errors import ExitCode, LlmdeployError

MEANINGS = {
    ExitCode.OK: ("done, or nothing to do", "go on"),
    ExitCode.BUG: ("a bug of llmdeploy; the traceback is saved and its path printed", "report it with that file"),
    ExitCode.USAGE: ("the command line is wrong", "correct the command"),
    ExitCode.SPEC: ("the spec is invalid, or nothing can satisfy it", "correct the spec: every problem is named"),
    ExitCode.MISSING: ("a tool, version, credential, quota or host prerequisite is missing", "follow the hint"),
    ExitCode.STEP: ("a step failed; the report names it", "read the hint and the log; a retry may help"),
    ExitCode.GATE: ("deployed, but a gate or a probe says no", "do not promote; the endpoint stays up"),
    ExitCode.INTERRUPTED: ("interrupted (Ctrl-C, SIGTERM, SIGHUP)", "run the same command again to go on"),
}

INTRO = """\
# Exit codes

The code says whose turn it is. A run that ends with anything but 0 may have done some of its steps before:
`llmdeploy status` shows what runs, the same command again goes on, `llmdeploy down` takes it away.

| code | meaning | what to do | raised as |
|---|---|---|---|
"""


def text() -> str:
    """Raises KeyError for a code that has no meaning here."""
    return INTRO + "".join(_row(code) for code in ExitCode)


def _row(code: ExitCode) -> str:
    meaning, turn = MEANINGS[code]
    return f"| {code.value} | {meaning} | {turn} | {_types(code)} |\n"


def _types(code: ExitCode) -> str:
    kinds = [one for one in vars(errors).values() if isinstance(one, type) and issubclass(one, LlmdeployError)]
    return ", ".join(f"`{one.__name__}`" for one in kinds if one.exit_code == code and one is not LlmdeployError)
