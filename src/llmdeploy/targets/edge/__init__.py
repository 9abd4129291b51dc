"""Edge: small boxes far away, each with engine and TLS proxy of its own."""

from __future__ import annotations

from dataclasses import dataclass
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
class Edge:
    name: str = "edge"

    def lacks(self, spec: Spec) -> tuple[Problem, ...]:
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
        from llmdeploy.fleet.watching import health_of

        state, healthy, detail = health_of(plan, deployment)
        return Status(state, healthy, detail, prober="running")

    def down(self, deployment: Deployment, recorder: Recorder) -> None:
        from llmdeploy.fleet.removing import down_fleet

        down_fleet(deployment, recorder)


TARGET = Edge()
