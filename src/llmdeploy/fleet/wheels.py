"""Which wheels each host has: made here for a plan, noted when setup has brought them, and noted again once engines run
with them. A roll that fails goes back to what ran; until then the newest that was brought counts."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any

from llmdeploy.adapters.runtime import Python, engine_artifact, runtime_artifact
from llmdeploy.artifact import Artifact, read_artifact
from llmdeploy.deployment import Deployment
from llmdeploy.errors import MissingError
from llmdeploy.fleet.alone import stands_alone
from llmdeploy.fleet.engine_locks import engine_lock
from llmdeploy.fleet.facts import Facts
from llmdeploy.fleet.host import Host
from llmdeploy.fleet.variables import Bundle, Fleet, image_of
from llmdeploy.plan import Plan
from llmdeploy.state import write_private

BROUGHT, RUNNING = NOTES = "runtimes.json", "running-runtimes.json"
OWN = "engine"


class From(Enum):
    """Where a fleet takes its wheels from."""

    MADE = "the lock of this llmdeploy"
    BROUGHT = "what setup brought last"
    RUNNING = "what the deployed plan runs with"


@dataclass(frozen=True)
class Wheels:
    """By host: the runtime, and where an engine has an environment of its own, that."""

    runtimes: Mapping[str, Artifact]
    engines: Mapping[str, Artifact]

    def bundle(self, model: Artifact | None) -> Bundle:
        return Bundle(self.runtimes, model, engines=self.engines)


def wheels_of(source: From, plan: Plan, hosts: Mapping[str, tuple[Host, Facts]], deployment: Deployment) -> Wheels:
    """Raises MissingError where none were brought to a host."""
    if source is From.MADE:
        return _made(plan, hosts, deployment)
    running = source is From.RUNNING and not stands_alone(plan)
    return _read(_running(deployment) if running else _noted(deployment, BROUGHT), hosts, deployment)


def brought(deployment: Deployment) -> dict[str, Artifact]:
    """The runtime that each host has."""
    return {name: read_artifact(one) for name, one in _noted(deployment, BROUGHT).items()}


def engines_brought(deployment: Deployment) -> bool:
    """Whether an engine has an environment of its own on hosts."""
    return any(OWN in one for one in _noted(deployment, BROUGHT).values())


def note_brought(fleet: Fleet, deployment: Deployment) -> None:
    """Note what these hosts have now; the others keep what is noted of them."""
    data = _noted(deployment, BROUGHT)
    for name in fleet.hosts:
        data[name] = dict(fleet.bundle.runtimes[name].as_json())
        if name in fleet.bundle.engines:
            data[name][OWN] = fleet.bundle.engines[name].as_json()
    _write(data, deployment, BROUGHT)


def note_running(deployment: Deployment) -> None:
    """The engines run with what was brought."""
    _write(_noted(deployment, BROUGHT), deployment, RUNNING)


def others_run(deployment: Deployment) -> bool:
    """Whether engines ran last with other wheels than those that setup has brought since."""
    return _running(deployment) != _noted(deployment, BROUGHT)


def take_back(deployment: Deployment) -> None:
    """What ran last is to be on the hosts again, and counts as brought."""
    _write(_running(deployment), deployment, BROUGHT)


def _running(deployment: Deployment) -> dict[str, dict[str, Any]]:
    """A host that no engine has run on yet has what was brought to it."""
    return {**_noted(deployment, BROUGHT), **_noted(deployment, RUNNING)}


def _read(noted: Mapping[str, dict[str, Any]], hosts: Collection[str], deployment: Deployment) -> Wheels:
    if not set(hosts) <= set(noted):
        raise MissingError(f"{deployment.state.name} is not set up", "run `llmdeploy setup`, or `llmdeploy up`")
    engines = {name: read_artifact(noted[name][OWN]) for name in hosts if OWN in noted[name]}
    return Wheels({name: read_artifact(noted[name]) for name in hosts}, engines)


def _made(plan: Plan, hosts: Mapping[str, tuple[Host, Facts]], deployment: Deployment) -> Wheels:
    """Fetched once for each kind of interpreter, and for GPUs and processors."""
    cache = deployment.environment.state_root.absolute() / "runtimes"
    kinds = {name: Python(facts.python, facts.machine.architecture) for name, (_, facts) in hosts.items()}
    made = {kind: runtime_artifact(kind, cache, deployment.environment.variables) for kind in set(kinds.values())}
    serving = {host.name for host in plan.hosts if host.replicas} if not image_of(plan) else set[str]()
    locks = {name: engine_lock(plan.engine, facts) for name, (_, facts) in hosts.items() if name in serving}
    wanted = {name: (lock.file, kinds[name]) for name, lock in locks.items() if lock}
    own = {one: engine_artifact(*one, cache, deployment.environment.variables) for one in set(wanted.values())}
    runtimes = {name: made[kind] for name, kind in kinds.items()}
    return Wheels(runtimes, {name: own[one] for name, one in wanted.items()})


def _noted(deployment: Deployment, name: str) -> dict[str, dict[str, Any]]:
    """By host, as JSON: the runtime, and under `engine` the environment that an engine has of its own."""
    try:
        found: dict[str, dict[str, Any]] = json.loads((deployment.state.path / name).read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    return found


def _write(data: Mapping[str, Any], deployment: Deployment, name: str) -> None:
    write_private(deployment.state.path / name, json.dumps(data))
