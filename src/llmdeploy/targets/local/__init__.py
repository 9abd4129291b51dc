"""This machine: a supervised engine under the user who asks, no root needed."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from llmdeploy.deployment import Deployment
from llmdeploy.endpoint import Endpoint
from llmdeploy.errors import Problem, UsageError
from llmdeploy.plan import Plan
from llmdeploy.run import Recorder
from llmdeploy.targets import Status

if TYPE_CHECKING:
    from llmdeploy.spec import Spec

LOOPBACK = ("127.0.0.1", "::1", "localhost")


@dataclass(frozen=True)
class Local:
    name: str = "local"

    def lacks(self, spec: Spec) -> tuple[Problem, ...]:
        if spec.access.host in LOOPBACK:
            return ()
        why = f"{spec.access.host} is not loopback, and this target's engine has no TLS"
        return (Problem("access.host", why, "write 127.0.0.1, and put a gateway with TLS in front for other machines"),)

    def plan(self, spec: Spec, deployment: Deployment, recorder: Recorder) -> Plan:
        from llmdeploy.targets.local.planning import plan_local

        return plan_local(spec, deployment, recorder)

    def setup(self, plan: Plan, deployment: Deployment, recorder: Recorder) -> None:
        from llmdeploy.targets.local.preparing import setup_local

        setup_local(plan, deployment, recorder)

    def deploy(self, plan: Plan, deployment: Deployment, recorder: Recorder) -> None:
        from llmdeploy.targets.local.serving import deploy_local

        deploy_local(plan, deployment, recorder)

    def watch(self, plan: Plan, deployment: Deployment, recorder: Recorder) -> None:
        from llmdeploy.targets.local.watching import watch_local

        watch_local(plan, deployment, recorder)

    def endpoint(self, plan: Plan, deployment: Deployment) -> Endpoint:
        from llmdeploy.targets.local.serving import endpoint_of

        return endpoint_of(plan, deployment)

    def status(self, plan: Plan, deployment: Deployment) -> Status:
        from llmdeploy.targets.local.watching import status_of

        return status_of(plan, deployment)

    def history(self, plan: Plan, deployment: Deployment) -> Path:
        return deployment.state.history

    def logs(self, deployment: Deployment, program: str, lines: int, host: str) -> tuple[str, list[str]]:
        from llmdeploy.targets.local.watching import last_lines

        return last_lines(deployment, program, lines)

    def drift(self, plan: Plan, deployment: Deployment, recorder: Recorder, repair: bool) -> None:
        hint = "`llmdeploy up` finds and mends what differs on this machine"
        raise UsageError("drift looks at hosts of the targets onprem and edge", hint)

    def down(self, deployment: Deployment, recorder: Recorder) -> None:
        from llmdeploy.targets.local.removing import down_local

        down_local(deployment, recorder)


TARGET = Local()
