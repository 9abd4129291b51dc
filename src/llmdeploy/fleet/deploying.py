"""Deploy on many machines: the model to all of them, then the engines, a few at a time, and back where one fails."""

from __future__ import annotations

import time
from pathlib import Path

from llmdeploy.adapters.http import answers, healthy
from llmdeploy.adapters.waiting import pause
from llmdeploy.artifact import Artifact
from llmdeploy.deployment import Deployment
from llmdeploy.endpoint import Endpoint
from llmdeploy.errors import StepError
from llmdeploy.fleet.beside import after_failure, after_roll
from llmdeploy.fleet.brought_model import model_artifact
from llmdeploy.fleet.own_files import ACME_AUTHORITY, own_file
from llmdeploy.fleet.places import Secrets
from llmdeploy.fleet.sending import send
from llmdeploy.fleet.variables import Fleet
from llmdeploy.fleet.wheels import note_running, others_run, take_back
from llmdeploy.fleet.work import connection_of, fleet_of, play, record, run_removal, told
from llmdeploy.plan import Plan
from llmdeploy.run import Recorder
from llmdeploy.units import size_text

GATEWAY_SECONDS = 30.0


def deploy_fleet(plan: Plan, deployment: Deployment, recorder: Recorder) -> None:
    with recorder.entry("weights") as entry:
        model = model_artifact(plan, deployment, recorder)
        entry.detail = f"{len(model.files)} file(s) verified by sha256, {size_text(model.bytes)}"
    with recorder.entry("model to the hosts") as entry:
        fleet = fleet_of(plan, deployment, model)
        serving = [host.name for host in fleet.engines]
        host, sent = send(model, serving, fleet, lambda done: recorder.progress("model", done, model.bytes))
        recorder.data["sent_bytes"] = sent
        if sent:
            entry.changed(
                f"{size_text(sent)} sent to {host}" + (", for the others to fetch" if len(serving) > 1 else "")
            )
        else:
            entry.detail = "on the hosts already"
    before = deployment.state.load_deployed()
    with recorder.entry("engines") as entry:
        outcome = play("deploy", fleet, deployment, recorder, batch_of(plan, before))
        if outcome.faults and before and (_differ(before, plan) or others_run(deployment)):
            _go_back(before, fleet, told(outcome), deployment, recorder)
        record(outcome, entry, recorder)
    with recorder.entry("first answer") as entry:
        _wait_for_gateway(endpoint_of(plan, deployment))
        entry.detail = endpoint_of(plan, deployment).url
    forget_leavers(fleet, deployment, recorder)
    save_outcome(plan, fleet, model, deployment)
    note_running(deployment)


def endpoint_of(plan: Plan, deployment: Deployment) -> Endpoint:
    host = f"[{plan.host}]" if ":" in plan.host else plan.host
    return Endpoint(
        url=f"https://{host}:{plan.port}",
        model=plan.served_name,
        key=deployment.state.key(),
        ca_file=str(_authority(plan, deployment) or ""),
    )


def _authority(plan: Plan, deployment: Deployment) -> Path | None:
    """What signed the certificate that clients see; None where the system knows it."""
    settings = plan.spec["hosts"]
    if not (settings["certificate"] or settings["acme_email"]):
        return Secrets(deployment.state.path.absolute()).authority
    return own_file(ACME_AUTHORITY, settings, deployment.environment.cwd)


def batch_of(plan: Plan, before: Plan | None) -> int:
    """How many hosts change at once: all of them the first time, then as many as may be missing."""
    engines = sum(host.replicas > 0 for host in plan.hosts)
    if before is None:
        return engines
    bound: int = plan.spec["hosts"]["max_unavailable"]
    return max(1, min(bound, engines - 1))


def _differ(before: Plan, plan: Plan) -> bool:
    """A digest leaves out settings that change no engine, and a drain that is too short can fail all the same."""
    return (before.digest, before.spec) != (plan.digest, plan.spec)


def _go_back(before: Plan, failed: Fleet, why: str, deployment: Deployment, recorder: Recorder) -> None:
    """A roll that failed puts the hosts back to what ran before, all of it: settings, wheels and engines.

    What it brought stays beside that, so that the mended plan need not bring it again.
    """
    with recorder.entry("rollback") as entry:
        take_back(deployment)
        outputs = deployment.state.load_outputs()
        deployment.state.save_outputs({**outputs, **after_failure(failed.bundle, outputs)})
        fleet = fleet_of(before, deployment, model_artifact(before, deployment, recorder), fresh=True)
        for playbook in ("setup", "deploy"):
            back = play(playbook, fleet, deployment, recorder, batch_of(before, before))
            if back.faults:
                raise StepError(
                    f"{why}; and going back to plan {before.digest} failed too: {told(back)}",
                    "look at `llmdeploy status`, then `llmdeploy rollback` or `llmdeploy up`",
                )
        entry.changed(f"plan {before.digest} runs again on every host")
    raise StepError(f"{why}; plan {before.digest} runs again on every host", "mend the plan, then `llmdeploy up`")


def _wait_for_gateway(endpoint: Endpoint) -> None:
    begun = time.monotonic()
    while not healthy(endpoint):
        if time.monotonic() > begun + GATEWAY_SECONDS:
            raise StepError(
                f"{endpoint.url} is not healthy after {GATEWAY_SECONDS:.0f} s",
                "is its port reachable from here? `llmdeploy logs gateway` shows what it says",
            )
        pause(begun)
    problem = answers(endpoint, GATEWAY_SECONDS)
    if problem:
        raise StepError(f"the gateway is up but does not answer a chat: {problem}", "`llmdeploy logs` shows more")


def forget_leavers(fleet: Fleet, deployment: Deployment, recorder: Recorder) -> None:
    """Clean hosts that were deployed to and are no longer listed; one that is off is tried again by the next run."""
    former = deployment.state.load_outputs().get("connections", {})
    planned = {host.name for host in fleet.plan.hosts}
    leaving = {name: connection for name, connection in former.items() if name not in planned}
    if not leaving:
        return
    with recorder.entry("hosts that left") as entry:
        outcome = run_removal(leaving, fleet.plan.name, deployment)
        left = [fault.host for fault in outcome.faults]
        if left:
            entry.warn(f"not cleaned: {told(outcome)}", "turn them on and run again, or clean them by hand")
        else:
            entry.changed(f"cleaned: {', '.join(leaving)}")
        recorder.data["uncleaned"] = left


def save_outcome(plan: Plan, fleet: Fleet, model: Artifact, deployment: Deployment) -> None:
    former = deployment.state.load_outputs()
    uncleaned = {name: one for name, one in former.get("connections", {}).items() if name not in fleet.hosts}
    deployment.state.save_deployed(plan)
    deployment.state.save_outputs(
        {
            "digest": plan.digest,
            "url": endpoint_of(plan, deployment).url,
            "model": plan.served_name,
            "weights": {plan.model.id: {file.name: file.sha256 for file in model.files}},
            "model_artifact": model.as_json(),
            **after_roll(fleet.bundle, former),
            "connections": {**uncleaned, **{name: connection_of(host) for name, (host, _) in fleet.hosts.items()}},
        }
    )
