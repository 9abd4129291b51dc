"""Staged rollout to boxes of the edge: canaries first, wave by wave, until too many have failed.

A box that fails goes back to the plan that ran before; a box that is not reached keeps it.
"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

from llmdeploy.adapters.ansible import Outcome, Playbook, run_playbook
from llmdeploy.artifact import Artifact
from llmdeploy.bundled import bundled
from llmdeploy.deployment import Deployment
from llmdeploy.errors import StepError
from llmdeploy.fleet.alone import engines_playbook, pulls
from llmdeploy.fleet.boxes import silent
from llmdeploy.fleet.brought_model import model_artifact
from llmdeploy.fleet.deploying import forget_leavers, save_outcome
from llmdeploy.fleet.inventory import inventory_of
from llmdeploy.fleet.sending import send_to
from llmdeploy.fleet.settled import forget
from llmdeploy.fleet.variables import Fleet
from llmdeploy.fleet.work import fleet_of
from llmdeploy.plan import HostPlan, Plan
from llmdeploy.run import Recorder
from llmdeploy.units import size_text

CANARY, REST = "canary", "the rest"
UPLOADS_AT_ONCE = 8


@dataclass(frozen=True)
class Wave:
    name: str
    boxes: tuple[HostPlan, ...]

    @property
    def is_canary(self) -> bool:
        return self.name == CANARY


@dataclass
class Rollout:
    """One rollout as it goes. `failed` says why by box; `sent` counts bytes."""

    plan: Plan
    before: Plan | None
    model: Artifact
    deployment: Deployment
    recorder: Recorder
    failed: dict[str, str] = field(default_factory=dict)
    done: list[str] = field(default_factory=list)
    sent: int = 0


def waves(boxes: Sequence[HostPlan]) -> list[Wave]:
    """Canaries, then the named waves as they appear, then boxes without one."""
    names = list(dict.fromkeys(box.wave for box in boxes))
    names.sort(key=lambda name: (name != CANARY, name == ""))
    return [Wave(name or REST, tuple(box for box in boxes if box.wave == name)) for name in names]


def roll_out(plan: Plan, deployment: Deployment, recorder: Recorder) -> None:
    """Raises StepError where a canary fails, or more boxes than `hosts.max_unavailable`."""
    with recorder.entry("weights") as entry:
        model = model_artifact(plan, deployment, recorder)
        entry.detail = f"{len(model.files)} file(s) verified by sha256, {size_text(model.bytes)}"
    fleet = fleet_of(plan, deployment, model)
    roll = Rollout(plan, deployment.state.load_deployed(), model, deployment, recorder)
    try:
        for wave in waves(fleet.engines):
            _take(wave, fleet, roll)
    finally:
        _note_boxes(roll)
    forget_leavers(fleet, deployment, recorder)
    save_outcome(plan, fleet, model, deployment)
    _save_boxes(roll.recorder.data["boxes"], deployment)


def _take(wave: Wave, fleet: Fleet, roll: Rollout) -> None:
    """Change one wave; what fails in it goes back."""
    there = [box for box in wave.boxes if box.name in fleet.hosts]
    off = {box.name: "it is off: left for the next run" for box in wave.boxes if box.name not in fleet.hosts}
    with roll.recorder.entry(f"wave {wave.name}") as entry:
        failed, changed = _change(there, fleet, roll)
        put_back = _put_back(list(failed), roll)
        failed = {name: f"{why}; {put_back[name]}" for name, why in failed.items()}
        roll.failed |= failed
        roll.done += [box.name for box in there if box.name not in failed]
        said = f"{', '.join(box.name for box in there) or 'no box'}: changed={changed}"
        told = "; ".join(f"{name}: {why}" for name, why in {**failed, **off}.items())
        _stop_if_too_many(wave, failed, roll)
        if told:
            entry.warn(f"{said}; {told}", "mend it and run the same command again: it is caught up then")
        elif changed:
            entry.changed(said)
        else:
            entry.detail = said


def _change(boxes: list[HostPlan], fleet: Fleet, roll: Rollout) -> tuple[dict[str, str], int]:
    """Model, engines and a look at each gateway; which boxes failed and why, and how many tasks changed something."""
    failed = {} if pulls(fleet.plan) else _send([box.name for box in boxes], fleet, roll)
    going = [box for box in boxes if box.name not in failed]
    if not going:
        return failed, 0
    outcome = _play(fleet, [box.name for box in going], roll)
    failed |= _faults(outcome)
    failed |= silent([box for box in going if box.name not in failed], fleet.plan, roll.deployment)
    return failed, outcome.changed


def _send(names: list[str], fleet: Fleet, roll: Rollout) -> dict[str, str]:
    """The model to each box that lacks it; to which it did not come, and why."""

    def one(name: str) -> tuple[int, str]:
        try:
            return send_to(name, roll.model, fleet), ""
        except StepError as error:
            return 0, error.message

    with ThreadPoolExecutor(UPLOADS_AT_ONCE) as pool:
        said = list(pool.map(one, names))
    roll.sent += sum(sent for sent, _ in said)
    roll.recorder.data["sent_bytes"] = roll.sent
    return {name: why for name, (_, why) in zip(names, said, strict=True) if why}


def _play(fleet: Fleet, names: list[str], roll: Rollout) -> Outcome:
    """The playbook on these boxes, all at once; one that fails does not stop the others."""
    playbooks = bundled("playbooks")
    variables = {"llmdeploy_batch": len(names), "llmdeploy_stop_all": False}
    forget(roll.deployment.state.path)
    folder = roll.deployment.state.path.absolute() / "ansible"
    run = Playbook(
        playbooks / f"{engines_playbook(fleet.plan)}.yml",
        inventory_of(fleet, playbooks),
        folder,
        limit=tuple(names),
        variables=variables,
    )
    return run_playbook(
        run, dict(roll.deployment.environment.variables), lambda text: roll.recorder.progress(text, 0, 0)
    )


def _faults(outcome: Outcome) -> dict[str, str]:
    return {fault.host: f"{fault.role or 'play'}: {fault.task}: {fault.message}" for fault in outcome.faults}


def _put_back(names: list[str], roll: Rollout) -> dict[str, str]:
    """What became of each failed box."""
    before = roll.before
    if pulls(roll.plan):
        return dict.fromkeys(names, "it keeps the slot that served last")
    if before is None or before.digest == roll.plan.digest:
        return dict.fromkeys(names, "nothing else ran there before")
    known = {box.name for box in before.hosts}
    back = [name for name in names if name in known]
    said = dict.fromkeys(names, "it is new: nothing ran there before")
    if back:
        model = model_artifact(before, roll.deployment, roll.recorder)
        faults = _faults(_play(fleet_of(before, roll.deployment, model, fresh=True), back, roll))
        said |= dict.fromkeys(back, f"back on plan {before.digest}")
        said |= {name: f"going back to plan {before.digest} failed too: {why}" for name, why in faults.items()}
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


def _note_boxes(roll: Rollout) -> None:
    """Which plan runs on each box, for `status` and for the next run."""
    former, planned = roll.deployment.state.load_outputs().get("boxes", {}), {box.name for box in roll.plan.hosts}
    boxes = {name: digest for name, digest in former.items() if name in planned}
    roll.recorder.data["boxes"] = boxes | dict.fromkeys(roll.done, roll.plan.digest)
    _save_boxes(roll.recorder.data["boxes"], roll.deployment)


def _save_boxes(boxes: dict[str, str], deployment: Deployment) -> None:
    deployment.state.save_outputs({**deployment.state.load_outputs(), "boxes": boxes})
