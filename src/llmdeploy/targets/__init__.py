"""Kinds of places. One file here is one target; adding one needs no change elsewhere."""

from __future__ import annotations

import importlib
import pkgutil
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from llmdeploy.deployment import Deployment
from llmdeploy.endpoint import Endpoint
from llmdeploy.errors import Problem
from llmdeploy.plan import Plan
from llmdeploy.run import Recorder

if TYPE_CHECKING:
    from llmdeploy.spec import Spec


@dataclass(frozen=True)
class Status:
    """How a deployment is now. `state` is one of running, starting, failing, stopped, absent; times in epoch s."""

    state: str
    healthy: bool
    detail: str = ""
    since: float = 0.0
    prober: str = "absent"
    data: dict[str, Any] | None = None


class Target(Protocol):
    """How the steps are carried out at one kind of place. Every method is idempotent."""

    @property
    def name(self) -> str: ...

    def lacks(self, spec: Spec) -> tuple[Problem, ...]:
        """What the spec asks for and this target cannot do, each with the field that asks for it."""
        ...

    def plan(self, spec: Spec, deployment: Deployment, recorder: Recorder) -> Plan: ...
    def setup(self, plan: Plan, deployment: Deployment, recorder: Recorder) -> None: ...
    def deploy(self, plan: Plan, deployment: Deployment, recorder: Recorder) -> None: ...
    def watch(self, plan: Plan, deployment: Deployment, recorder: Recorder) -> None:
        """Start the prober and what else keeps an eye on the deployment."""
        ...

    def endpoint(self, plan: Plan, deployment: Deployment) -> Endpoint: ...
    def status(self, plan: Plan, deployment: Deployment) -> Status: ...
    def history(self, plan: Plan, deployment: Deployment) -> Path:
        """The file with what the prober saw, up to date."""
        ...

    def logs(self, deployment: Deployment, program: str, lines: int, host: str) -> tuple[str, list[str]]:
        """Where a program writes, and its newest lines; `host` names one host of several."""
        ...

    def drift(self, plan: Plan, deployment: Deployment, recorder: Recorder, repair: bool) -> None:
        """What differs from the plan; raises GateError where something does and `repair` is off."""
        ...

    def down(self, deployment: Deployment, recorder: Recorder) -> None:
        """Undo deploy and setup, then look for what is left; raises StepError where anything is."""
        ...


def target_names() -> tuple[str, ...]:
    return tuple(sorted(module.name for module in pkgutil.iter_modules(__path__)))


def target(name: str) -> Target:
    """The target called `name`; its module carries it as `TARGET`. Raises KeyError for a name that has no module."""
    if name not in target_names():
        raise KeyError(name)
    found: Target = importlib.import_module(f"{__name__}.{name}").TARGET
    return found
