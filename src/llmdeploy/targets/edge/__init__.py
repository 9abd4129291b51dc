"""Edge: small boxes far away, each with engine and TLS proxy of its own."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from llmdeploy.deployment import Deployment
from llmdeploy.endpoint import Endpoint
from llmdeploy.errors import Problem
from llmdeploy.fleet.carried_out import OnHosts
from llmdeploy.plan import Plan
from llmdeploy.run import Recorder
from llmdeploy.targets import Status

if TYPE_CHECKING:
    from llmdeploy.spec import Spec

SHARED = ("virtual_address", "certificate", "acme_email")
"""What belongs to one gateway of many hosts."""


@dataclass(frozen=True)
class Edge(OnHosts):
    name: str = "edge"

    def lacks(self, spec: Spec) -> tuple[Problem, ...]:
        shared = [name for name in SHARED if getattr(spec.hosts, name)]
        why, hint = "boxes of the edge stand alone and share nothing", "leave it out, or take target onprem"
        return self.unnamed(spec) or tuple(Problem(f"hosts.{name}", why, hint) for name in shared)

    def setup(self, plan: Plan, deployment: Deployment, recorder: Recorder) -> None:
        from llmdeploy.fleet.setting_up import setup_boxes

        setup_boxes(plan, deployment, recorder)

    def deploy(self, plan: Plan, deployment: Deployment, recorder: Recorder) -> None:
        from llmdeploy.fleet.rollout import roll_out

        roll_out(plan, deployment, recorder)

    def endpoint(self, plan: Plan, deployment: Deployment) -> Endpoint:
        from llmdeploy.fleet.boxes import endpoint_of_first

        return endpoint_of_first(plan, deployment)

    def status(self, plan: Plan, deployment: Deployment) -> Status:
        from llmdeploy.fleet.watching import look_at_boxes

        seen = look_at_boxes(plan, deployment)
        return Status(seen.state, seen.healthy, seen.detail, prober=seen.prober, data=seen.data)


TARGET = Edge()
