"""Setup on many machines: keys, certificates, the runtime, and the playbook that does the rest."""

from __future__ import annotations

from functools import partial

from llmdeploy.artifact import Artifact
from llmdeploy.deployment import Deployment
from llmdeploy.errors import StepError
from llmdeploy.fleet.alone import pulls
from llmdeploy.fleet.offline import bring_packages
from llmdeploy.fleet.secrets import ensure_secrets
from llmdeploy.fleet.sending import send
from llmdeploy.fleet.variables import Fleet
from llmdeploy.fleet.wheels import From, note_brought
from llmdeploy.fleet.work import fleet_of, play, record
from llmdeploy.plan import Plan
from llmdeploy.run import Recorder
from llmdeploy.units import size_text


def setup_boxes(plan: Plan, deployment: Deployment, recorder: Recorder) -> None:
    """What boxes of the edge need, made ready on this machine: each box is set up in its wave, right before its engine
    changes, so that a fault stops with the canaries."""
    _keep_pulling(plan, deployment)
    _keys(plan, deployment, recorder)
    with recorder.entry("runtime") as entry:
        made = fleet_of(plan, deployment, wheels=From.MADE).bundle.wheels
        entry.detail = f"{size_text(sum(one.bytes for one in made))} of wheels here, for each box in its wave"


def _keep_pulling(plan: Plan, deployment: Deployment) -> None:
    """The agent would go on beside engines that we bring."""
    before = deployment.state.load_deployed()
    if before and pulls(before) and not pulls(plan):
        raise StepError(
            f"the boxes of {plan.name} pull their releases, and this plan does not name hosts.pull_from",
            "name it again; or take the agent off with `llmdeploy down`, then `llmdeploy up`",
        )


def _keys(plan: Plan, deployment: Deployment, recorder: Recorder) -> None:
    with recorder.entry("keys and certificates") as entry:
        made = ensure_secrets(plan, deployment.state)
        if made:
            entry.changed(f"made: {', '.join(made)}; in {deployment.state.path}")
        else:
            entry.detail = f"in {deployment.state.path}"


def setup_fleet(plan: Plan, deployment: Deployment, recorder: Recorder) -> None:
    _keys(plan, deployment, recorder)
    with recorder.entry("runtime") as entry:
        fleet = fleet_of(plan, deployment, wheels=From.MADE)
        sent, taken = 0, list[str]()
        for artifact in fleet.bundle.wheels:
            wanting = wanting_of(artifact, fleet)
            host, size = send(artifact, wanting, fleet, partial(_tell, recorder, artifact.bytes))
            sent += size
            if size:
                taken.append(host)
        recorder.data["sent_bytes"] = sent
        if sent:
            others = ", for the others to fetch" if len(fleet.hosts) > len(set(taken)) else ""
            entry.changed(f"{size_text(sent)} sent to {', '.join(dict.fromkeys(taken))}{others}")
        else:
            entry.detail = "on the hosts already"
    bring_packages(fleet, deployment, recorder)
    with recorder.entry("hosts") as entry:
        record(play("setup", fleet, deployment, recorder), entry, recorder)
    note_brought(fleet, deployment)


def wanting_of(artifact: Artifact, fleet: Fleet) -> list[str]:
    """The hosts that wheels are for."""
    every = (*fleet.bundle.runtimes.items(), *fleet.bundle.engines.items())
    return [name for name, one in every if one.digest == artifact.digest]


def _tell(recorder: Recorder, whole: int, done: int) -> None:
    recorder.progress("runtime", done, whole)
