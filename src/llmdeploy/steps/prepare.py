"""Preparation: what to serve, with what, and why. Nothing is changed but the plan in the state folder."""

from __future__ import annotations

from llmdeploy.deployment import Deployment
from llmdeploy.errors import SpecError
from llmdeploy.plan import Plan
from llmdeploy.run import Run
from llmdeploy.spec import Spec
from llmdeploy.targets import Target


def prepare(spec: Spec, target: Target, deployment: Deployment, run: Run) -> Plan:
    """Decide and save the plan. Raises SpecError where the target cannot do what the spec asks."""
    with run.step("prepare") as recorder:
        with recorder.entry("target") as entry:
            entry.detail = target.name
            lacking = target.lacks(spec)
            if lacking:
                raise SpecError(lacking, "spec")
        plan = target.plan(spec, deployment, recorder)
        for warning in plan.warnings:
            recorder.note("note", warning, "warning")
        recorder.data.update(plan=plan.digest, price_per_month=plan.price_per_month)
        deployment.state.save_plan(plan)
    return plan
