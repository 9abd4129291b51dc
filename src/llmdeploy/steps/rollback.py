"""Back to a plan that ran before."""

from __future__ import annotations

from llmdeploy.deployment import Deployment
from llmdeploy.errors import MissingError
from llmdeploy.fleet.running import stopped_at
from llmdeploy.journal import read_journal
from llmdeploy.plan import Plan
from llmdeploy.run import Run
from llmdeploy.steps.deploy import deploy
from llmdeploy.steps.monitor import monitor
from llmdeploy.steps.setup import setup
from llmdeploy.targets import Target


def earlier_plan(deployment: Deployment, digest: str) -> Plan:
    """The plan of that digest, or without one the plan that ran before the present one. Raises MissingError.

    A rollout that stopped halfway is taken back first: that is the plan that the other boxes still run.
    """
    state = deployment.state
    order = _deployed(deployment)
    if not digest:
        present = state.deployed().digest
        if stopped_at(deployment):
            return state.deployed()
        digest = next((one for one in reversed(order) if one != present), "")
    plan = state.load_kept(digest)
    if plan is None:
        known = f"there are: {', '.join(dict.fromkeys(order))}" if order else "nothing was deployed before"
        what = f"there is no earlier plan {digest}".rstrip()
        raise MissingError(what, known)
    return plan


def rollback(plan: Plan, target: Target, deployment: Deployment, run: Run) -> None:
    """Bring an earlier plan as `up` would, without asking the gates again: they passed it then."""
    with run.step("rollback") as recorder:
        recorder.data["plan"] = plan.digest
        with recorder.entry("plan") as entry:
            deployment.state.save_plan(plan)
            entry.detail = f"{plan.digest}: {plan.model.id} ({plan.variant}) with {plan.engine}"
    setup(plan, target, deployment, run)
    deploy(plan, target, deployment, run)
    monitor(plan, target, deployment, run)


def _deployed(deployment: Deployment) -> list[str]:
    """Digests of the plans that a deploy has brought, the oldest first."""
    events = read_journal(deployment.state.journal)
    ended = [event for event in events if event["event"] == "step-ended" and event.get("step") == "deploy"]
    return [str(event["data"]["plan"]) for event in ended if event.get("data", {}).get("plan")]
