"""The inventory of one run: groups, variables, and a fingerprint of all that decides each role."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

from llmdeploy.fleet.variables import Fleet, variables_of

ROLES = ("hardening", "gpu_driver", "gateway", "model_store", "engine_runtime", "engine", "metrics", "pull_agent")


def inventory_of(fleet: Fleet, playbooks: Path, thorough: bool = False) -> dict[str, Any]:
    """As Ansible reads it from JSON. `thorough` has every role run, whatever the receipts say."""
    sources = {role: _tree(playbooks / "roles" / role) for role in ROLES}
    shared = _tree(playbooks / "collections")
    hosts = {}
    for planned in fleet.planned():
        host = fleet.hosts[planned.name][0]
        variables = variables_of(fleet, planned)
        marks = {role: _mark(role, variables, sources[role] + shared) for role in ROLES}
        connection = {"ansible_host": host.address, "ansible_python_interpreter": "/usr/bin/python3", **host.variables}
        known = {"llmdeploy_marks": marks, "llmdeploy_fingerprints": {} if thorough else marks}
        hosts[planned.name] = {**connection, **variables, **known}
    names = {one.name for one in fleet.planned()}
    groups = {
        "engines": [one.name for one in fleet.engines if one.name in names],
        "gateways": [one.name for one in fleet.gateways if one.name in names],
        "monitors": [one.name for one in fleet.gateways[:1] if one.name in names],
    }
    children: dict[str, Any] = {group: {"hosts": {name: {} for name in members}} for group, members in groups.items()}
    return {"all": {"hosts": hosts, "vars": {"llmdeploy_name": fleet.plan.name}, "children": children}}


def _mark(role: str, variables: dict[str, Any], source: str) -> str:
    """Twelve hex digits over the role's text, its variables, and the files that these name."""
    own = {key: value for key, value in variables.items() if key.startswith(f"{role}_") and not _other(key, role)}
    text = [source, json.dumps(own, sort_keys=True)]
    for path in _sources(own):
        text.append(hashlib.sha256(Path(path).read_bytes()).hexdigest())
    return hashlib.sha256("\n".join(text).encode()).hexdigest()[:12]


def _other(key: str, role: str) -> bool:
    """`engine_runtime_way` belongs to engine_runtime, not to engine."""
    return any(other != role and other.startswith(role) and key.startswith(f"{other}_") for other in ROLES)


def _sources(value: Any, key: str = "") -> list[str]:
    if isinstance(value, dict):
        return [path for name, one in sorted(value.items()) for path in _sources(one, name)]
    if isinstance(value, list):
        return [path for one in value for path in _sources(one, key)]
    return [value] if key.endswith("_source") and value else []


def _tree(folder: Path) -> str:
    files = [path for path in sorted(folder.rglob("*")) if path.is_file() and "__pycache__" not in path.parts]
    state = hashlib.sha256()
    for path in files:
        state.update(f"{path.relative_to(folder)}\0".encode() + path.read_bytes())
    return state.hexdigest()
