"""The boxes of the edge from outside: where each answers, and which do not."""

from __future__ import annotations

import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

from llmdeploy.adapters.http import answers, healthy
from llmdeploy.adapters.waiting import pause
from llmdeploy.deployment import Deployment
from llmdeploy.endpoint import Endpoint
from llmdeploy.fleet.deploying import GATEWAY_SECONDS, endpoint_of
from llmdeploy.fleet.running import Running
from llmdeploy.plan import HostPlan, Plan

AT_ONCE = 32


def endpoint_of_box(box: HostPlan, plan: Plan, deployment: Deployment) -> Endpoint:
    address = f"[{box.address}]" if ":" in box.address else box.address
    return replace(endpoint_of(plan, deployment), url=f"https://{address}:{plan.port}")


def endpoint_of_first(plan: Plan, deployment: Deployment) -> Endpoint:
    """The first box of the list that answers now; the first one where none does."""
    found = [endpoint_of_box(box, plan, deployment) for box in plan.hosts if box.replicas]
    return next((one for one in found if healthy(one)), endpoint_of(plan, deployment))


def silent(boxes: Sequence[HostPlan], plan: Plan, deployment: Deployment) -> dict[str, str]:
    """The boxes that do not answer a chat within 30 s, each with why."""
    with ThreadPoolExecutor(AT_ONCE) as pool:
        said = list(pool.map(lambda box: _problem(endpoint_of_box(box, plan, deployment)), boxes))
    return {box.name: problem for box, problem in zip(boxes, said, strict=True) if problem}


def _problem(endpoint: Endpoint) -> str:
    begun = time.monotonic()
    while not healthy(endpoint):
        if time.monotonic() > begun + GATEWAY_SECONDS:
            return f"{endpoint.url} is not healthy after {GATEWAY_SECONDS:.0f} s"
        pause(begun)
    problem = answers(endpoint, GATEWAY_SECONDS)
    return f"its gateway does not answer a chat: {problem}" if problem else ""


def ill_boxes(groups: Sequence[Running], deployment: Deployment) -> list[str]:
    """The boxes that do not answer now."""
    boxes = [(box, group.plan) for group in groups for box in group.boxes if box.replicas]
    with ThreadPoolExecutor(AT_ONCE) as pool:
        well = list(pool.map(lambda one: healthy(endpoint_of_box(one[0], one[1], deployment)), boxes))
    return [box.name for (box, _), good in zip(boxes, well, strict=True) if not good]
