"""Setup: have the place ready for the model."""

from __future__ import annotations

from llmdeploy.deployment import Deployment
from llmdeploy.plan import Plan
from llmdeploy.run import Run
from llmdeploy.targets import Target


def setup(plan: Plan, target: Target, deployment: Deployment, run: Run) -> None:
    with run.step("setup") as recorder:
        deployment.state.save_target(plan.target)
        target.setup(plan, deployment, recorder)
        recorder.data["plan"] = plan.digest
