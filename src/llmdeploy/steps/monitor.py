"""Monitoring: have somebody look after the endpoint from now on."""

from __future__ import annotations

from llmdeploy.deployment import Deployment
from llmdeploy.plan import Plan
from llmdeploy.run import Run
from llmdeploy.targets import Target


def monitor(plan: Plan, target: Target, deployment: Deployment, run: Run) -> None:
    with run.step("monitor") as recorder:
        target.watch(plan, deployment, recorder)
        recorder.data["plan"] = plan.digest
