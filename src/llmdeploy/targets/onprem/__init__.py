"""Bare metal: own machines that SSH reaches, behind a gateway with TLS and keys."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from llmdeploy.deployment import Deployment
from llmdeploy.endpoint import Endpoint
from llmdeploy.errors import Problem
from llmdeploy.plan import Plan
from llmdeploy.run import Recorder
from llmdeploy.targets import Status

if TYPE_CHECKING:
    from llmdeploy.spec import Spec


@dataclass(frozen=True)
class OnPrem:
    name: str = "onprem"

    def lacks(self, spec: Spec) -> tuple[Problem, ...]:
        if spec.hosts.acme_email and spec.hosts.certificate:
            hint = "take out one of hosts.acme_email and hosts.certificate"
            return (Problem("hosts.certificate", "an ACME authority was asked for the gateway's certificate", hint),)
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

    def deploy(self, plan: Plan, deployment: Deployment, recorder: Recorder) -> None:
        from llmdeploy.fleet.deploying import deploy_fleet

        deploy_fleet(plan, deployment, recorder)

    def watch(self, plan: Plan, deployment: Deployment, recorder: Recorder) -> None:
        from llmdeploy.fleet.watching import watch_fleet

        watch_fleet(plan, deployment, recorder)

    def endpoint(self, plan: Plan, deployment: Deployment) -> Endpoint:
        from llmdeploy.fleet.deploying import endpoint_of

        return endpoint_of(plan, deployment)

    def status(self, plan: Plan, deployment: Deployment) -> Status:
        from llmdeploy.fleet.watching import look

        seen = look(plan, deployment)
        return Status(seen.state, seen.healthy, seen.detail, prober=seen.prober, data=seen.data)

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


TARGET = OnPrem()
