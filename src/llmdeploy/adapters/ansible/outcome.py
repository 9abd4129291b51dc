"""What a playbook did, read from the events of ansible-runner."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class HostOutcome:
    """Ansible's own counts for one host."""

    ok: int = 0
    changed: int = 0
    failed: int = 0
    unreachable: int = 0


@dataclass(frozen=True)
class Change:
    """A task that changed something, or would in check mode; `diff` is Ansible's, if it gave one."""

    host: str
    role: str
    task: str
    diff: str = ""


@dataclass(frozen=True)
class Fault:
    """A task that failed on a host, or a host that could not be reached."""

    host: str
    role: str
    task: str
    message: str
    unreachable: bool = False


@dataclass
class Outcome:
    """Grows with each event. `results` are those of tasks registered as `llmdeploy_...` (`kept`), by host."""

    hosts: dict[str, HostOutcome] = field(default_factory=dict)
    changes: list[Change] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)
    kept: dict[str, dict[str, Any]] = field(default_factory=dict)
    exit_code: int = 0

    @property
    def changed(self) -> int:
        return sum(host.changed for host in self.hosts.values())

    def see(self, event: Mapping[str, Any]) -> None:
        kind, data = event.get("event", ""), event.get("event_data", {})
        result = data.get("res") or {}
        if kind == "runner_on_ok" and result.get("changed"):
            self.changes.append(Change(data["host"], data.get("role", ""), data.get("task", ""), _diff(result)))
        if kind == "runner_on_ok" and str(data.get("task_action", "")).startswith("llmdeploy.host."):
            self.kept.setdefault(data["host"], {})[data["task_action"].rpartition(".")[2]] = result
        if kind == "runner_on_failed" and not data.get("ignore_errors"):
            self._fault(data, _message(result), False)
        if kind == "runner_on_unreachable":
            self._fault(data, _message(result), True)
        if kind == "playbook_on_stats":
            names = {name for key in ("ok", "changed", "failures", "dark") for name in data.get(key, {})}
            self.hosts = {name: _counts(data, name) for name in sorted(names)}
            self._forget_rescued()

    def _forget_rescued(self) -> None:
        """What a playbook mended itself (`rescue`) is not among Ansible's counts; those are of a host's last faults."""
        left = {name: host.failed + host.unreachable for name, host in self.hosts.items()}
        found: list[Fault] = []
        for fault in reversed(self.faults):
            if left.get(fault.host, 0):
                left[fault.host] -= 1
                found.insert(0, fault)
        self.faults = found

    def _fault(self, data: Mapping[str, Any], message: str, unreachable: bool) -> None:
        self.faults.append(Fault(data["host"], data.get("role", ""), data.get("task", ""), message, unreachable))


def _counts(data: Mapping[str, Any], name: str) -> HostOutcome:
    return HostOutcome(*(int(data.get(key, {}).get(name, 0)) for key in ("ok", "changed", "failures", "dark")))


def _message(result: Mapping[str, Any]) -> str:
    """The most telling line of a failed result; of a loop, that of the first item that failed."""
    failed = [item for item in result.get("results", []) if isinstance(item, dict) and item.get("failed")]
    if failed:
        return _message(failed[0])
    for key in ("msg", "stderr", "module_stderr", "stdout", "reason", "censored"):
        text = str(result.get(key) or "").strip()
        if text and not text.startswith(("non-zero return code", "MODULE FAILURE")):
            return text[:2000]
    return str(result.get("msg") or "no reason was given")[:2000]


def _diff(result: Mapping[str, Any]) -> str:
    found = result.get("diff") or []
    parts = found if isinstance(found, list) else [found]
    return "\n".join(_one_diff(part) for part in parts if part)[:20_000]


def _one_diff(part: Mapping[str, Any]) -> str:
    import difflib

    if "prepared" in part:
        return str(part["prepared"])
    before, after = (_lines(part.get(key, "")) for key in ("before", "after"))
    names = (str(part.get("before_header", "there")), str(part.get("after_header", "wanted")))
    return "\n".join(difflib.unified_diff(before, after, *names, lineterm="", n=1))


def _lines(value: Any) -> list[str]:
    if isinstance(value, Mapping):
        return [f"{key}: {value[key]}" for key in sorted(value)]
    return str(value).splitlines()
