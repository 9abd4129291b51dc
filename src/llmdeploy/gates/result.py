"""What a gate found."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any


@dataclass(frozen=True)
class Check:
    """One number or behaviour against its bound; both are as shown to a person (`412 ms`, `<= 2000 ms`)."""

    name: str
    passed: bool
    value: str
    bound: str
    detail: str = ""
    seconds: float = 0.0


@dataclass(frozen=True)
class GateResult:
    """All checks of one gate. `data` holds its figures (percentiles, scores) in JSON types."""

    gate: str
    checks: tuple[Check, ...]
    seconds: float
    data: dict[str, Any] = field(default_factory=dict)

    @property
    def passed(self) -> bool:
        return all(check.passed for check in self.checks)

    @property
    def missed(self) -> tuple[Check, ...]:
        return tuple(check for check in self.checks if not check.passed)

    def as_json(self) -> dict[str, Any]:
        return {"passed": self.passed, **asdict(self)}
