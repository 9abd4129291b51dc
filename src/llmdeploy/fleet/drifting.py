"""What was changed by hand on the hosts: every role, looked at thoroughly, without changing anything; or mended."""

from __future__ import annotations

from llmdeploy.adapters.ansible import Change
from llmdeploy.deployment import Deployment
from llmdeploy.errors import GateError
from llmdeploy.fleet.alone import engines_playbook, stands_alone
from llmdeploy.fleet.brought_model import model_artifact
from llmdeploy.fleet.deploying import batch_of
from llmdeploy.fleet.running import Running, running
from llmdeploy.fleet.variables import Fleet
from llmdeploy.fleet.wheels import From
from llmdeploy.fleet.work import fleet_of, play, record, told
from llmdeploy.plan import Plan
from llmdeploy.run import Recorder
from llmdeploy.units import counted


def drift_fleet(plan: Plan, deployment: Deployment, recorder: Recorder, repair: bool) -> None:
    """Raises GateError where something differs and is not mended, StepError where a host cannot be looked at.

    A box of the edge is compared with the plan that it runs: after a rollout that stopped that is not always `plan`.
    """
    found: list[Change] = []
    groups = running(deployment) if stands_alone(plan) else [Running(plan, plan.hosts)]
    for group in groups:
        label = f", plan {group.plan.digest}" if len(groups) > 1 else ""
        with recorder.entry(f"facts{label}") as entry:
            model = model_artifact(group.plan, deployment, recorder)
            fleet = fleet_of(group.plan, deployment, model, fresh=True, wheels=From.RUNNING)
            fleet = fleet.only(group.names)
            entry.detail = f"{len(fleet.hosts)} of {counted(len(group.boxes), 'host')} answered"
        found += _differences(fleet, label, deployment, recorder, repair)
    recorder.data["drift"] = [vars(change) for change in found]
    for change in found:
        recorder.note(
            change.host, f"{change.role}: {change.task}", "changed" if repair else "warning", _shortened(change.diff)
        )
    if found and not repair:
        hosts = sorted({change.host for change in found})
        raise GateError(
            f"{counted(len(found), 'difference')} on {', '.join(hosts)}",
            "mend them: `llmdeploy drift --repair`; or keep them in the spec",
        )


def _differences(fleet: Fleet, label: str, deployment: Deployment, recorder: Recorder, repair: bool) -> list[Change]:
    plan = fleet.plan
    found: list[Change] = []
    for name in ("setup", engines_playbook(plan), "monitor") if fleet.hosts else ():
        with recorder.entry(f"{name}{label}") as entry:
            seen = play(name, fleet, deployment, recorder, batch_of(plan, plan), check=True)
            changes = [change for change in seen.changes if change.role]
            found += changes
            entry.detail = f"{len(changes)} differences" + (f"; {told(seen)}" if seen.faults else "")
            if seen.faults and not changes:
                record(seen, entry, recorder)
            if repair and (changes or seen.faults):
                mended = play(name, fleet, deployment, recorder, batch_of(plan, plan), thorough=True)
                record(mended, entry, recorder)
    return found


def _shortened(diff: str) -> str:
    lines = [line for line in diff.splitlines() if line.startswith(("+", "-")) and not line.startswith(("+++", "---"))]
    return "; ".join(lines[:4])[:300]
