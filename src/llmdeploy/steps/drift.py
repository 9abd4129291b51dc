"""What differs from the plan that was deployed, and mending it."""

from __future__ import annotations

from llmdeploy.deployment import Deployment
from llmdeploy.plan import Plan
from llmdeploy.run import Run
from llmdeploy.targets import Target


def drift(plan: Plan, target: Target, deployment: Deployment, run: Run, repair: bool) -> None:
    """Raises GateError where something differs and `repair` is off."""
    with run.step("drift") as recorder:
        recorder.data["plan"] = plan.digest
        target.drift(plan, deployment, recorder, repair)
