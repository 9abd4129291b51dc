"""Who the hosts are and what they have: the inventory, and one question to all of them at once."""

from __future__ import annotations

import json
import os
import re
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
from llmdeploy.spec.scalars import shown

SCRIPT = Path(__file__).parent.parent / "onhost" / "facts.py"
FIELD = "hosts.inventory"
NAME = r"[A-Za-z0-9]([A-Za-z0-9._:-]{0,61}[A-Za-z0-9])?"
"""What may stand in a file name, a certificate, a metric and the configuration of HAProxy."""


def read_inventory(name: str, environment: Environment) -> tuple[Host, ...]:
    """The hosts of `hosts.yaml` or of any Ansible inventory. Raises SpecError with what is wrong and where."""
    path = (environment.cwd / Path(name).expanduser()).absolute()
    if not path.exists():
        raise SpecError(
            [Problem(FIELD, f"{path} does not exist", "name your list of machines: --hosts hosts.yaml")], "spec"
        )
    own = _own_file(path)
    if own is not None:
        return own
    hosts = foreign_inventory.hosts_of(_listing(path, environment))
    if not hosts:
        raise SpecError([Problem(FIELD, f"{path} names no host", "see docs/guides/onprem.md for both forms")], "spec")
    wrong = [host.name for host in hosts if not re.fullmatch(NAME, host.name)]
    if wrong:
        hint = "write letters, digits, - and . in names, and the address in ansible_host"
        raise SpecError([Problem(FIELD, f"{path}: {shown(wrong[0])} cannot be the name of a host", hint)], "spec")
    return hosts


def _own_file(path: Path) -> tuple[Host, ...] | None:
    """The hosts of a `hosts.yaml`; None where it is an Ansible inventory."""
    from llmdeploy.spec.hosts_file import is_hosts_file, parse_hosts

    try:
        if not path.is_file() or path.suffix not in (".yaml", ".yml") or os.access(path, os.X_OK):
            return None
        text = path.read_bytes()
    except OSError as error:
        hint = "name your list of machines: --hosts hosts.yaml"
        raise SpecError([Problem(FIELD, f"{path} cannot be read: {error.strerror}", hint)], "spec") from None
    if not is_hosts_file(text, str(path)):
        return None
    return own_inventory.hosts_of(parse_hosts(text, str(path)), path.parent)


def _listing(path: Path, environment: Environment) -> Any:
    command = [sys.executable, "-I", "-m", "ansible", "inventory", "-i", str(path), "--list"]
    world = {**environment.variables, "ANSIBLE_INVENTORY_ANY_UNPARSED_IS_FAILED": "1", "ANSIBLE_NOCOLOR": "1"}
    done = subprocess.run(command, capture_output=True, check=False, cwd=path.parent, env=world)
    if done.returncode:
        said = done.stderr.decode(errors="replace").replace("Failed to parse inventory: ", "")
        reason = _reason(path, said) or "ansible-inventory failed"
        hint = "try it: ansible-inventory -i FILE --list"
        raise SpecError([Problem(FIELD, f"{path}: {shown(reason, 400)}", hint)], "spec")
    return json.loads(done.stdout)


def _reason(path: Path, said: str) -> str:
    """Why the reader for this kind of file refused it: Ansible tries several, and tells of each."""
    reasons = dict(re.findall(r"Failed to parse inventory with '(\w+)' plugin: (.+)", said))
    script = path.is_file() and os.access(path, os.X_OK)
    kind = "script" if script else "yaml" if path.suffix in (".yaml", ".yml", ".json") else "ini"
    return str(reasons.get(kind) or next(iter(reasons.values()), said.strip().rpartition("\n")[2]))


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
