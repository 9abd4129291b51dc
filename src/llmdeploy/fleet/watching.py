"""Monitor on many machines: exporters, probers, Prometheus; and how the deployment is now."""

from __future__ import annotations

from llmdeploy.adapters.http import healthy
from llmdeploy.deployment import Deployment
from llmdeploy.fleet.deploying import endpoint_of, model_artifact
from llmdeploy.fleet.work import fleet_of, play, record
from llmdeploy.plan import Plan
from llmdeploy.run import Recorder


def watch_fleet(plan: Plan, deployment: Deployment, recorder: Recorder) -> None:
    with recorder.entry("metrics") as entry:
        fleet = fleet_of(plan, deployment, model_artifact(plan, deployment, recorder))
        record(play("monitor", fleet, deployment, recorder), entry, recorder)


def health_of(plan: Plan, deployment: Deployment) -> tuple[str, bool, str]:
    """State, whether it is healthy, and why not."""
    if deployment.state.load_deployed() is None:
        return "absent", False, "nothing is deployed"
    if healthy(endpoint_of(plan, deployment)):
        return "running", True, ""
    return "failing", False, "no gateway says that it is healthy"
