"""Deployment: bring the weights, start the engine, wait until it answers."""

from __future__ import annotations

from llmdeploy.deployment import Deployment
from llmdeploy.plan import Plan
from llmdeploy.run import Run
from llmdeploy.targets import Target


def deploy(plan: Plan, target: Target, deployment: Deployment, run: Run) -> None:
    with run.step("deploy") as recorder:
        target.deploy(plan, deployment, recorder)
        recorder.data["plan"] = plan.digest
