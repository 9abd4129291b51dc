"""The steps on listed machines, as far as they are the same wherever these stand."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from llmdeploy.deployment import Deployment
from llmdeploy.endpoint import Endpoint
from llmdeploy.errors import Problem
from llmdeploy.plan import Plan
from llmdeploy.run import Recorder

if TYPE_CHECKING:
    from llmdeploy.spec import Spec


@dataclass(frozen=True)
class OnHosts:
    """What the targets `onprem` and `edge` share; each adds what it lacks, how it deploys and how it is now.

    What a method needs is loaded when it is called: `--help` and `status` of other targets pay nothing for it.
    """

    def unnamed(self, spec: Spec) -> tuple[Problem, ...]:
        """The problem of a spec that lists no machine."""
        if spec.hosts.inventory:
            return ()
        hint = "name your list of machines: --hosts hosts.yaml, or hosts.inventory in the spec"
        return (Problem("hosts.inventory", "no machine is named", hint),)

    def plan(self, spec: Spec, deployment: Deployment, recorder: Recorder) -> Plan:
        from llmdeploy.fleet.planning import plan_fleet

        return plan_fleet(spec, deployment, recorder)

    def setup(self, plan: Plan, deployment: Deployment, recorder: Recorder) -> None:
        from llmdeploy.fleet.setting_up import setup_fleet

        setup_fleet(plan, deployment, recorder)

    def watch(self, plan: Plan, deployment: Deployment, recorder: Recorder) -> None:
        from llmdeploy.fleet.watching import watch_fleet

        watch_fleet(plan, deployment, recorder)

    def endpoint(self, plan: Plan, deployment: Deployment) -> Endpoint:
        from llmdeploy.fleet.deploying import endpoint_of

        return endpoint_of(plan, deployment)

    def history(self, plan: Plan, deployment: Deployment) -> Path:
        from llmdeploy.fleet.asking import fetch_history

        return fetch_history(plan, deployment)

    def logs(self, deployment: Deployment, program: str, lines: int, host: str) -> tuple[str, list[str]]:
        from llmdeploy.fleet.asking import read_logs

        return f"journal of llmdeploy-{deployment.state.name}-{program}", read_logs(deployment, program, lines, host)

    def drift(self, plan: Plan, deployment: Deployment, recorder: Recorder, repair: bool) -> None:
        from llmdeploy.fleet.drifting import drift_fleet

        drift_fleet(plan, deployment, recorder, repair)

    def down(self, deployment: Deployment, recorder: Recorder) -> None:
        from llmdeploy.fleet.removing import down_fleet

        down_fleet(deployment, recorder)
