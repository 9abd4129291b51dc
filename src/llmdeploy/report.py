"""What a step did, entry by entry; the same record feeds the screen, `--json`, the journal and the HTML report."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any, Literal

from llmdeploy.errors import ExitCode

Status = Literal["ok", "changed", "warning", "failed", "skipped"]


@dataclass(frozen=True)
class Entry:
    """One thing that a step looked at or did. `seconds` is wall time; `hint` says what to do if it went badly."""

    name: str
    status: Status
    seconds: float
    detail: str = ""
    hint: str = ""

    @property
    def changed(self) -> bool:
        return self.status == "changed"


@dataclass(frozen=True)
class Report:
    """The outcome of one step; `seconds` is its wall time.

    `data` holds what later readers need (gate results, plan digest), JSON types only.
    """

    step: str
    entries: tuple[Entry, ...]
    exit_code: ExitCode = ExitCode.OK
    data: dict[str, Any] = field(default_factory=dict)
    seconds: float = 0.0

    @property
    def ok(self) -> bool:
        return self.exit_code == ExitCode.OK

    @property
    def changed(self) -> bool:
        return any(entry.changed for entry in self.entries)

    def as_json(self) -> dict[str, Any]:
        return {"ok": self.ok, "changed": self.changed, **asdict(self)}
