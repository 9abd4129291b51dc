"""Who the hosts are and what they have: the inventory, and one question to all of them at once."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from llmdeploy.adapters.ssh import Answer, run_everywhere
from llmdeploy.adapters.ssh.reach import Reach
from llmdeploy.environment import Environment
from llmdeploy.errors import MissingError, Problem, SpecError
from llmdeploy.fleet import foreign_inventory, own_inventory
from llmdeploy.fleet.host import Host
from llmdeploy.fleet.record import Answered

SCRIPT = Path(__file__).parent.parent / "onhost" / "facts.py"
FIELD = "hosts.inventory"


def read_inventory(name: str, environment: Environment) -> tuple[Host, ...]:
    """The hosts of `hosts.yaml` or of any Ansible inventory. Raises SpecError with what is wrong and where."""
    path = (environment.cwd / Path(name).expanduser()).absolute()
    if not path.exists():
        raise SpecError(
            [Problem(FIELD, f"{path} does not exist", "name your list of machines: --hosts hosts.yaml")], "spec"
        )
    if path.is_file() and path.suffix in (".yaml", ".yml") and not os.access(path, os.X_OK):
        from llmdeploy.spec.hosts_file import is_hosts_file, parse_hosts

        text = path.read_text(encoding="utf-8")
        if is_hosts_file(text, str(path)):
            return own_inventory.hosts_of(parse_hosts(text, str(path)), path.parent)
    hosts = foreign_inventory.hosts_of(_listing(path, environment))
    if not hosts:
        raise SpecError([Problem(FIELD, f"{path} names no host", "see docs/guides/onprem.md for both forms")], "spec")
    return hosts


def _listing(path: Path, environment: Environment) -> Any:
    command = [sys.executable, "-I", "-m", "ansible", "inventory", "-i", str(path), "--list"]
    done = subprocess.run(
        command, capture_output=True, text=True, check=False, cwd=path.parent, env=dict(environment.variables)
    )
    if done.returncode:
        lines = [line for line in done.stderr.splitlines() if line.strip()]
        raise SpecError([Problem(FIELD, f"{path}: {lines[-1] if lines else 'ansible-inventory failed'}", "")], "spec")
    return json.loads(done.stdout)


def gather(
    hosts: Sequence[Host], name: str, tell: Callable[[int], None] = lambda done: None
) -> dict[str, Answered | str]:
    """What each host has, or in one line why it does not say so."""
    asked = [reach_of(host) for host in hosts if not host.refused]
    answers = run_everywhere(asked, SCRIPT.read_text(encoding="utf-8"), name, tell)
    return {host.name: host.refused or _member(host, answers[host.name]) for host in hosts}


def reach_of(host: Host) -> Reach:
    return Reach(host.name, host.address, host.ssh, host.executable, host.local)


def _member(host: Host, answer: Answer) -> Answered | str:
    if answer.problem:
        return answer.problem
    try:
        return Answered(host, json.loads(answer.output), answer.asked, answer.answered)
    except ValueError:
        return f"it answered what is no JSON: {answer.output[:80]!r} (does its shell print something at login?)"


def none_fit(reasons: dict[str, str]) -> MissingError:
    lines = "; ".join(f"{name}: {reason}" for name, reason in reasons.items())
    return MissingError(f"no host is fit: {lines}", "mend one of them, or list others")
