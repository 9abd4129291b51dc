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
from llmdeploy.plan import HostPlan, Plan

AT_ONCE = 32


def endpoint_of_box(box: HostPlan, plan: Plan, deployment: Deployment) -> Endpoint:
    address = f"[{box.address}]" if ":" in box.address else box.address
    return replace(endpoint_of(plan, deployment), url=f"https://{address}:{plan.port}")


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


def health_of_boxes(plan: Plan, deployment: Deployment) -> tuple[str, bool, str]:
    """State, whether enough boxes are healthy, and which are not."""
    if deployment.state.load_deployed() is None:
        return "absent", False, "nothing is deployed"
    boxes = [box for box in plan.hosts if box.replicas]
    with ThreadPoolExecutor(AT_ONCE) as pool:
        well = list(pool.map(lambda box: healthy(endpoint_of_box(box, plan, deployment)), boxes))
    ill = [box.name for box, good in zip(boxes, well, strict=True) if not good]
    if not ill:
        return "running", True, ""
    detail = f"{len(ill)} of {len(boxes)} boxes do not answer: {', '.join(ill[:10])}"
    enough = len(ill) <= plan.spec["hosts"]["max_unavailable"] and len(ill) < len(boxes)
    return ("running" if enough else "failing"), enough, detail
