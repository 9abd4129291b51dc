"""Bare metal: own machines that SSH reaches, behind a gateway with TLS and keys."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from llmdeploy.deployment import Deployment
from llmdeploy.errors import Problem
from llmdeploy.fleet.carried_out import OnHosts
from llmdeploy.plan import Plan
from llmdeploy.run import Recorder
from llmdeploy.targets import Status

if TYPE_CHECKING:
    from llmdeploy.spec import Spec


@dataclass(frozen=True)
class OnPrem(OnHosts):
    name: str = "onprem"

    def lacks(self, spec: Spec) -> tuple[Problem, ...]:
        if spec.hosts.acme_email and spec.hosts.certificate:
            hint = "take out one of hosts.acme_email and hosts.certificate"
            return (Problem("hosts.certificate", "an ACME authority was asked for the gateway's certificate", hint),)
        return self.unnamed(spec)

    def deploy(self, plan: Plan, deployment: Deployment, recorder: Recorder) -> None:
        from llmdeploy.fleet.deploying import deploy_fleet

        deploy_fleet(plan, deployment, recorder)

    def status(self, plan: Plan, deployment: Deployment) -> Status:
        from llmdeploy.fleet.watching import look

        seen = look(plan, deployment)
        return Status(seen.state, seen.healthy, seen.detail, prober=seen.prober, data=seen.data)


TARGET = OnPrem()
