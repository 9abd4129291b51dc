"""What setup, deploy and monitor have in common: the fleet as it is, and a playbook over it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from llmdeploy.adapters.ansible import HostOutcome, Outcome, Playbook, run_playbook
from llmdeploy.adapters.resolve_model import golden_file
from llmdeploy.artifact import Artifact, read_artifact
from llmdeploy.bundled import bundled
from llmdeploy.deployment import Deployment
from llmdeploy.errors import MissingError, StepError
from llmdeploy.fleet import offline_place
from llmdeploy.fleet.alone import stands_alone
from llmdeploy.fleet.beside import with_what_stays
from llmdeploy.fleet.gather import gather
from llmdeploy.fleet.host import Host
from llmdeploy.fleet.inventory import inventory_of
from llmdeploy.fleet.own_files import (
    ACME_AUTHORITY,
    AUTHORITY,
    CERTIFICATE,
    MAIL_AUTHORITY,
    PASSWORD,
    WEBHOOK,
    own_file,
)
from llmdeploy.fleet.places import Secrets
from llmdeploy.fleet.planning import MEMBERS
from llmdeploy.fleet.record import Member, load_members
from llmdeploy.fleet.settled import PLAYBOOK_ROLES, TOLD, Asking, all_settled, forget
from llmdeploy.fleet.variables import Bundle, Fleet, image_of
from llmdeploy.fleet.wheels import From, brought, wheels_of
from llmdeploy.plan import Plan
from llmdeploy.run import Draft, Recorder
from llmdeploy.units import counted

MOST_TOLD = 5


def fleet_of(
    plan: Plan,
    deployment: Deployment,
    model: Artifact | None = None,
    fresh: bool = False,
    wheels: From = From.BROUGHT,
) -> Fleet:
    """The fleet of a plan with the hosts that answered.

    `fresh` asks them anew. A box of the edge that no wheels were brought to is left out, unless they are made now.
    Raises MissingError where no host answered.
    """
    members = load_members(deployment.state.path / MEMBERS)
    if fresh:
        answers = gather([member.host for member in members], plan.name)
        members = tuple(one for one in answers.values() if isinstance(one, Member))
    planned = {host.name for host in plan.hosts}
    there = {one.host.name: (one.host, one.facts) for one in members if one.facts and one.host.name in planned}
    if not there:
        raise MissingError(f"no host of {plan.name} is known to answer", "run `llmdeploy prepare`")
    if stands_alone(plan) and wheels is not From.MADE:
        known = brought(deployment)
        there = {name: one for name, one in there.items() if name in known} or there
    secrets = Secrets(deployment.state.path.absolute())
    cwd = deployment.environment.cwd
    settings = plan.spec["hosts"]
    return Fleet(
        plan=plan,
        hosts=there,
        bundle=_bundle(wheels_of(wheels, plan, there, deployment).bundle(model), plan, deployment),
        secrets=secrets,
        golden=golden_file(plan.spec["test"]["golden"], plan.model, cwd),
        webhook=own_file(WEBHOOK, settings, cwd),
        certificate=own_file(CERTIFICATE, settings, cwd),
        pull_authority=own_file(AUTHORITY, settings, cwd),
        mail_password=own_file(PASSWORD, settings, cwd),
        mail_authority=own_file(MAIL_AUTHORITY, settings, cwd),
        acme_authority=own_file(ACME_AUTHORITY, settings, cwd),
    )


def _bundle(found: Bundle, plan: Plan, deployment: Deployment) -> Bundle:
    """What is to be on the hosts; before deploy that is the model that runs now."""
    outputs = deployment.state.load_outputs()
    known = outputs.get("model_artifact")
    model = found.model or (read_artifact(known) if known else None)
    return with_what_stays(replace(found, model=model, image=image_of(plan)), outputs)


def play(
    name: str,
    fleet: Fleet,
    deployment: Deployment,
    recorder: Recorder,
    batch: int = 0,
    check: bool = False,
    thorough: bool = False,
) -> Outcome:
    """Run the playbook of that name over the fleet's hosts; what failed is in the outcome.

    `thorough` looks at everything, also where the receipts say that all is settled; `check` changes nothing.
    """
    playbooks = bundled("playbooks")
    inventory = inventory_of(fleet, playbooks, thorough=check or thorough)
    state = deployment.state.path.absolute()
    known = {host: one for host, (one, _) in fleet.hosts.items()}
    asking = Asking(known, fleet.plan.name, playbooks, state / TOLD, recorder.run)
    if name in PLAYBOOK_ROLES and all_settled(name, inventory, asking.told):
        return Outcome(hosts={host: HostOutcome(ok=1) for host in inventory["all"]["hosts"]})
    forget(state)
    given = {
        "llmdeploy_batch": batch or max(1, len(fleet.engines)),
        "llmdeploy_stop_all": not stands_alone(fleet.plan),
        **offline_place.variables(deployment),
    }
    run = Playbook(playbooks / f"{name}.yml", inventory, state / "ansible", check=check, variables=given)
    return run_playbook(run, _world(deployment), recorder.doing)


def run_removal(hosts: Mapping[str, Mapping[str, Any]], name: str, deployment: Deployment) -> Outcome:
    """Take the deployment off these hosts, given with their connection variables."""
    inventory = {"all": {"hosts": dict(hosts)}}
    folder = deployment.state.path.absolute() / "ansible"
    return run_playbook(
        Playbook(bundled("playbooks") / "remove.yml", inventory, folder, variables={"remove_deployment": name}),
        _world(deployment),
    )


def connection_of(host: Host) -> dict[str, Any]:
    return {"ansible_host": host.address, "ansible_python_interpreter": "/usr/bin/python3", **host.variables}


def record(outcome: Outcome, entry: Draft, recorder: Recorder) -> None:
    """Put the counts of each host into the entry and the report's data. Raises StepError naming what failed where."""
    counts = {name: vars(host) for name, host in outcome.hosts.items()}
    recorder.data.setdefault("hosts", {}).update(counts)
    done = f"{counted(len(outcome.hosts), 'host')}, changed={outcome.changed}"
    if outcome.changed:
        entry.changed(done)
    else:
        entry.detail = done
    if outcome.faults:
        raise StepError(told(outcome), "mend it and run the same command again: it goes on from what it finds")


def told(outcome: Outcome) -> str:
    lines = [f"{fault.host}: {fault.role or 'play'}: {fault.task}: {fault.message}" for fault in outcome.faults]
    rest = len(lines) - MOST_TOLD
    return "; ".join(lines[:MOST_TOLD]) + (f"; and {rest} more" if rest > 0 else "")


def _world(deployment: Deployment) -> dict[str, str]:
    return dict(deployment.environment.variables)
