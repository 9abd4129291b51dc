"""Monitor on many machines: exporters, probers, Prometheus; and how the deployment is now."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from llmdeploy.adapters.http import healthy
from llmdeploy.deployment import Deployment
from llmdeploy.fleet.asking import states
from llmdeploy.fleet.brought_model import model_artifact
from llmdeploy.fleet.deploying import endpoint_of
from llmdeploy.fleet.work import fleet_of, play, record
from llmdeploy.plan import Plan
from llmdeploy.run import Recorder


def watch_fleet(plan: Plan, deployment: Deployment, recorder: Recorder) -> None:
    with recorder.entry("metrics") as entry:
        fleet = fleet_of(plan, deployment, model_artifact(plan, deployment, recorder))
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
    hosts, alerts = states(plan, deployment)
    units = [unit for host in hosts.values() for unit in host["units"]]
    probing = [unit["ActiveState"] for unit in units if "-prober-" in unit["Id"]]
    prober = "absent" if not probing else "running" if set(probing) == {"active"} else "failing"
    data = {"hosts": hosts, "alerts": alerts}
    if healthy(endpoint_of(plan, deployment)):
        return Seen("running", True, "", prober, data)
    return Seen("failing", False, "no gateway says that it is healthy", prober, data)
