"""Monitor on many machines: exporters, probers, Prometheus; and how the deployment is now."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from llmdeploy.adapters.http import healthy
from llmdeploy.deployment import Deployment
from llmdeploy.fleet.alone import stands_alone
from llmdeploy.fleet.asking import hosts_of, states
from llmdeploy.fleet.boxes import ill_boxes
from llmdeploy.fleet.brought_model import model_artifact
from llmdeploy.fleet.deploying import endpoint_of
from llmdeploy.fleet.running import running, told_where
from llmdeploy.fleet.work import fleet_of, play, record
from llmdeploy.plan import Plan
from llmdeploy.run import Recorder


def watch_fleet(plan: Plan, deployment: Deployment, recorder: Recorder) -> None:
    """Boxes of the edge that run another plan still are left as they are."""
    with recorder.entry("metrics") as entry:
        fleet = fleet_of(plan, deployment, model_artifact(plan, deployment, recorder))
        if stands_alone(plan):
            same = [one for one in running(deployment) if one.plan.digest == plan.digest]
            fleet = fleet.only(name for one in same for name in one.names)
        record(play("monitor", fleet, deployment, recorder), entry, recorder)


@dataclass(frozen=True)
class Seen:
    """How a deployment is: `data` holds each host's units and the alerts that fire."""

    state: str
    healthy: bool
    detail: str
    prober: str = "absent"
    data: dict[str, Any] = field(default_factory=dict)


def look(plan: Plan, deployment: Deployment) -> Seen:
    if deployment.state.load_deployed() is None:
        return Seen("absent", False, "nothing is deployed")
    hosts, alerts = states(hosts_of(plan, deployment), plan.name, {host.name: host.replicas for host in plan.hosts})
    prober, data = _prober(hosts), {"hosts": hosts, "alerts": alerts}
    if healthy(endpoint_of(plan, deployment)):
        return Seen("running", True, "", prober, data)
    return Seen("failing", False, "no gateway says that it is healthy", prober, data)


def look_at_boxes(plan: Plan, deployment: Deployment) -> Seen:
    """Each box under the plan that runs on it, which need not be `plan`: a rollout may have stopped."""
    groups = running(deployment)
    if not groups:
        return Seen("absent", False, "nothing is deployed")
    asked = [host for group in groups for host in hosts_of(group.plan, deployment) if host.name in group.names]
    engines = {box.name: box.replicas for group in groups for box in group.boxes}
    hosts, alerts = states(asked, plan.name, engines)
    for name, digest in ((name, group.plan.digest) for group in groups for name in group.names):
        hosts.get(name, {})["plan"] = digest
    ill, number = ill_boxes(groups, deployment), sum(len(group.boxes) for group in groups)
    well = len(ill) <= groups[0].plan.spec["hosts"]["max_unavailable"] and len(ill) < number
    silent = f"{len(ill)} of {number} boxes do not answer: {', '.join(ill[:10])}" if ill else ""
    detail = "; ".join(text for text in (silent, told_where(deployment)) if text)
    data = {"hosts": hosts, "alerts": alerts}
    return Seen("running" if well else "failing", well, detail, _prober(hosts), data)


def _prober(hosts: dict[str, dict[str, Any]]) -> str:
    probing = [unit["ActiveState"] for host in hosts.values() for unit in host["units"] if "-prober-" in unit["Id"]]
    return "absent" if not probing else "running" if set(probing) == {"active"} else "failing"
