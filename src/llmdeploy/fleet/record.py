"""Who the hosts are and what they said last, kept in the state folder for the steps that come after prepare."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from llmdeploy.errors import StepError
from llmdeploy.fleet.facts import Facts, facts_of
from llmdeploy.fleet.host import Host
from llmdeploy.state import write_private


@dataclass(frozen=True)
class Member:
    """A host, with its facts where it answered: `said` is its document, `asked` and `answered` are epoch seconds."""

    host: Host
    said: dict[str, Any] | None = None
    asked: float = 0.0
    answered: float = 0.0

    @property
    def facts(self) -> Facts | None:
        return facts_of(self.said, self.asked, self.answered) if self.said else None


@dataclass(frozen=True)
class Answered(Member):
    """A host that answered, so that its facts are there."""

    said: dict[str, Any] = field(default_factory=dict)

    @property
    def facts(self) -> Facts:
        return facts_of(self.said, self.asked, self.answered)


def save_members(path: Path, members: tuple[Member, ...]) -> None:
    write_private(path, json.dumps([asdict(member) for member in members], indent=1))


def load_members(path: Path) -> tuple[Member, ...]:
    """The members that were saved; none where there is no file. Raises StepError where it is damaged."""
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
        return tuple(_member(one) for one in data)
    except FileNotFoundError:
        return ()
    except (ValueError, TypeError, KeyError) as error:
        raise StepError(f"{path} is damaged: {error!r}", "run `llmdeploy prepare`: it writes it anew") from error


def _member(data: dict[str, Any]) -> Member:
    host = Host(**{**data["host"], "ssh": tuple(data["host"]["ssh"])})
    return Member(**{**data, "host": host})
