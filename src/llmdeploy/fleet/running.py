"""Which plan runs on which box of the edge: after a rollout that stopped there are two."""

from __future__ import annotations

from dataclasses import dataclass

from llmdeploy.deployment import Deployment
from llmdeploy.plan import HostPlan, Plan

BOXES, ROLLING = "boxes", "rolling"
"""In outputs.json: the plan's digest by box; the plan of a rollout that has begun and not come to its end."""


@dataclass(frozen=True)
class Running:
    """A plan and the boxes that run it."""

    plan: Plan
    boxes: tuple[HostPlan, ...]

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(box.name for box in self.boxes)


def plans_by_box(deployment: Deployment) -> dict[str, Plan]:
    """The plan of each box that was ever changed, where it is kept still."""
    digests = deployment.state.load_outputs().get(BOXES, {})
    found = {digest: deployment.state.load_kept(digest) for digest in set(digests.values())}
    return {name: plan for name, digest in digests.items() if (plan := found[digest])}


def running(deployment: Deployment) -> list[Running]:
    """Every plan that runs somewhere, the deployed one first.

    A box of the deployed plan that nothing is known of (it was off all the time) counts with that plan."""
    deployed, known = deployment.state.load_deployed(), plans_by_box(deployment)
    by_box = {**({box.name: deployed for box in deployed.hosts} if deployed else {}), **known}
    plans = {plan.digest: plan for plan in ([deployed] if deployed else []) + list(by_box.values())}
    groups = []
    for plan in plans.values():
        boxes = tuple(box for box in plan.hosts if box.name in by_box and by_box[box.name].digest == plan.digest)
        if boxes:
            groups.append(Running(plan, boxes))
    return groups


def stopped_at(deployment: Deployment) -> str:
    """The digest of a rollout that has changed some boxes and then stopped, or empty."""
    outputs, deployed = deployment.state.load_outputs(), deployment.state.load_deployed()
    digest: str = outputs.get(ROLLING, "")
    if digest not in outputs.get(BOXES, {}).values() or (deployed and deployed.digest == digest):
        return ""
    return digest


def told_where(deployment: Deployment) -> str:
    """In words where boxes run different plans, and what to do; empty where all run the deployed one."""
    deployed, groups = deployment.state.load_deployed(), running(deployment)
    others = [one for one in groups if not deployed or one.plan.digest != deployed.digest]
    if not others:
        return ""
    where = "; ".join(f"{', '.join(one.names)}: plan {one.plan.digest}" for one in others)
    if stopped_at(deployment):
        back = "`llmdeploy rollback` takes them back" if deployed else "`llmdeploy down` removes it"
        return f"the last rollout stopped, and it has changed {where}; `llmdeploy up` goes on, {back}"
    return f"not on the newest plan: {where}; `llmdeploy up` catches them up"
