"""Staged rollout to boxes of the edge: canaries first, wave by wave, until too many have failed.

A box that fails goes back to the plan that ran there before; a box that is not reached keeps what it has, all of it:
setup and deploy come to a box together.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from llmdeploy.deployment import Deployment
from llmdeploy.errors import StepError
from llmdeploy.fleet.alone import pulls
from llmdeploy.fleet.brought_model import model_artifact
from llmdeploy.fleet.changing import change, faults
from llmdeploy.fleet.deploying import forget_leavers, save_outcome
from llmdeploy.fleet.running import BOXES, ROLLING, plans_by_box
from llmdeploy.fleet.variables import Fleet
from llmdeploy.fleet.waves import Wave, waves
from llmdeploy.fleet.wheels import From, brought, note_brought
from llmdeploy.fleet.work import fleet_of, play
from llmdeploy.plan import Plan
from llmdeploy.run import Recorder
from llmdeploy.units import size_text


@dataclass
class Rollout:
    """One rollout as it goes. `before` is the plan of each box until now, `failed` says why by box, `counts` how many
    tasks changed something on a box, `sent` counts bytes."""

    plan: Plan
    before: dict[str, Plan]
    deployment: Deployment
    recorder: Recorder
    failed: dict[str, str] = field(default_factory=dict)
    done: list[str] = field(default_factory=list)
    counts: dict[str, int] = field(default_factory=dict)
    sent: int = 0


def roll_out(plan: Plan, deployment: Deployment, recorder: Recorder) -> None:
    """Raises StepError where a canary fails, or more boxes than `hosts.max_unavailable`."""
    with recorder.entry("weights") as entry:
        model = model_artifact(plan, deployment, recorder)
        entry.detail = f"{len(model.files)} file(s) verified by sha256, {size_text(model.bytes)}"
    fleet = fleet_of(plan, deployment, model, wheels=From.MADE)
    state = deployment.state
    state.keep(plan)
    state.save_outputs({**state.load_outputs(), ROLLING: plan.digest})
    roll = Rollout(plan, plans_by_box(deployment), deployment, recorder)
    try:
        for wave in waves(fleet.engines):
            _take(wave, fleet, roll)
    finally:
        recorder.data[BOXES] = boxes = _boxes(roll)
        recorder.data["hosts"] = {name: {"changed": count} for name, count in roll.counts.items()}
        recorder.data["sent_bytes"] = roll.sent
    forget_leavers(fleet, deployment, recorder)
    save_outcome(plan, fleet, model, deployment)
    state.save_outputs({**state.load_outputs(), BOXES: boxes})


def _take(wave: Wave, fleet: Fleet, roll: Rollout) -> None:
    """Change one wave; what fails in it goes back."""
    there = [box.name for box in wave.boxes if box.name in fleet.hosts]
    off = {box.name: "it is off: left for the next run" for box in wave.boxes if box.name not in fleet.hosts}
    with roll.recorder.entry(f"wave {wave.name}") as entry:
        failed, changed = _change(there, fleet, roll)
        roll.failed |= failed
        said = f"{', '.join(there) or 'no box'}: changed={changed}"
        told = "; ".join(f"{name}: {why}" for name, why in {**failed, **off}.items())
        _stop_if_too_many(wave, failed, roll)
        if told:
            entry.warn(f"{said}; {told}", "mend it and run the same command again: it is caught up then")
        elif changed:
            entry.changed(said)
        else:
            entry.detail = said


def _change(names: list[str], fleet: Fleet, roll: Rollout) -> tuple[dict[str, str], int]:
    """Which boxes failed, with why and what became of each; and how many tasks changed something."""
    part = fleet.only(names)
    found = change(part, roll.deployment, roll.recorder)
    roll.sent += found.sent
    roll.counts |= found.counts
    put_back = _put_back(list(found.failed), part, roll)
    failed = {name: f"{why}; {put_back[name]}" for name, why in found.failed.items()}
    done = [name for name in names if name not in failed]
    roll.done += done
    note_brought(part.only(done), roll.deployment)
    _save_boxes(roll)
    return failed, found.changed


def _put_back(names: list[str], fleet: Fleet, roll: Rollout) -> dict[str, str]:
    """What became of each failed box."""
    if pulls(roll.plan):
        return dict.fromkeys(names, "it keeps what served last")
    said = dict.fromkeys(names, "it is new: nothing ran there before")
    known = brought(roll.deployment)
    back: dict[str, list[str]] = {}
    for name in names:
        before = roll.before.get(name)
        if before is None or name not in known:
            continue
        if before.digest == roll.plan.digest and known[name].digest == fleet.bundle.runtimes[name].digest:
            said[name] = "nothing else ran there before"
        else:
            back.setdefault(before.digest, []).append(name)
    for boxes in back.values():
        said |= _go_back(roll.before[boxes[0]], boxes, roll)
    return said


def _go_back(before: Plan, names: list[str], roll: Rollout) -> dict[str, str]:
    """Everything of that plan, with the runtime that the box had."""
    model = model_artifact(before, roll.deployment, roll.recorder)
    fleet = fleet_of(before, roll.deployment, model, fresh=True).only(names)
    said = dict.fromkeys(names, f"back on plan {before.digest}")
    for playbook in ("setup", "deploy"):
        failed = faults(play(playbook, fleet, roll.deployment, roll.recorder))
        said |= {name: f"going back to plan {before.digest} failed too: {why}" for name, why in failed.items()}
    return said


def _stop_if_too_many(wave: Wave, failed: dict[str, str], roll: Rollout) -> None:
    budget = roll.plan.spec["hosts"]["max_unavailable"]
    if not failed or not (wave.is_canary or len(roll.failed) > budget):
        return
    why = "a canary failed" if wave.is_canary else f"{len(roll.failed)} failed, and hosts.max_unavailable is {budget}"
    told = "; ".join(f"{name}: {reason}" for name, reason in list(failed.items())[:5])
    raise StepError(
        f"the rollout stops in wave {wave.name}: {why}: {told}",
        "boxes that were not reached keep what they had; mend the plan, then `llmdeploy up`",
    )


def _boxes(roll: Rollout) -> dict[str, str]:
    """The digest of the plan that runs on each box, for `status` and for the next run."""
    former, planned = roll.deployment.state.load_outputs().get(BOXES, {}), {box.name for box in roll.plan.hosts}
    boxes = {name: digest for name, digest in former.items() if name in planned}
    return boxes | dict.fromkeys(roll.done, roll.plan.digest)


def _save_boxes(roll: Rollout) -> None:
    """After each wave: a run that is cut off later has said what it did."""
    state = roll.deployment.state
    state.save_outputs({**state.load_outputs(), BOXES: _boxes(roll)})
