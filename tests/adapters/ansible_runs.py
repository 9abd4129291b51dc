"""Small playbooks on this machine, run as llmdeploy runs its own."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

from llmdeploy.adapters.ansible import Outcome, Playbook, run_playbook

LOCAL = {"ansible_connection": "local", "ansible_python_interpreter": sys.executable}


def written(folder: Path, tasks: str, name: str = "play") -> Path:
    """A playbook of these tasks, for all hosts."""
    path = folder / f"{name}.yml"
    indented = "".join(f"    {line}\n" for line in tasks.strip().splitlines())
    path.write_text(f"- name: Try\n  hosts: all\n  gather_facts: false\n  tasks:\n{indented}")
    (folder / "ansible.cfg").write_text("[defaults]\n")
    return path


def playbook(folder: Path, tasks: str, hosts: tuple[str, ...] = ("one",), **more: Any) -> Playbook:
    inventory = {"all": {"hosts": {name: dict(LOCAL) for name in hosts}}}
    return Playbook(written(folder, tasks), more.pop("inventory", inventory), folder / "private", **more)


def run(folder: Path, tasks: str, *hosts: str, world: dict[str, str] | None = None, **more: Any) -> Outcome:
    return run_playbook(playbook(folder, tasks, hosts or ("one",), **more), {**os.environ, **(world or {})})
