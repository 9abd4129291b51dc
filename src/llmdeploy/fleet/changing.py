"""What is done to boxes of the edge that change at once: bring what they need, set up, change the engines, look."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from llmdeploy.adapters.ansible import Outcome
from llmdeploy.artifact import Artifact
from llmdeploy.deployment import Deployment
from llmdeploy.errors import StepError
from llmdeploy.fleet.alone import engines_playbook, pulls
from llmdeploy.fleet.boxes import silent
from llmdeploy.fleet.offline import packages_of, store_packages
from llmdeploy.fleet.sending import send_to
from llmdeploy.fleet.variables import Fleet
from llmdeploy.fleet.work import play
from llmdeploy.run import Recorder

UPLOADS_AT_ONCE = 8


@dataclass(frozen=True)
class Changed:
    """Which boxes failed and why; how many tasks changed something on each box; the bytes that were sent."""

    failed: dict[str, str]
    counts: dict[str, int]
    sent: int

    @property
    def changed(self) -> int:
        return sum(self.counts.values())


def change(fleet: Fleet, deployment: Deployment, recorder: Recorder) -> Changed:
    """Every box of the fleet, all at once; one that fails does not stop the others."""
    packages = packages_of(fleet, deployment)
    failed, sent = _send(fleet, packages)
    counts = dict.fromkeys(fleet.hosts, 0)

    def carry_out(name: str) -> None:
        going = fleet.only(name for name in fleet.hosts if name not in failed)
        if not going.hosts:
            return
        if name == "offline":
            outcome = store_packages(packages, going, deployment)
        else:
            outcome = play(name, going, deployment, recorder)
        failed.update(faults(outcome))
        counts.update({name: counts[name] + host.changed for name, host in outcome.hosts.items()})

    for name in (*(["offline"] if packages else []), "setup", engines_playbook(fleet.plan)):
        carry_out(name)
    answering = [box for box in fleet.planned() if box.name not in failed]
    failed |= silent(answering, fleet.plan, deployment)
    return Changed(failed, counts, sent)


def faults(outcome: Outcome) -> dict[str, str]:
    return {fault.host: f"{fault.role or 'play'}: {fault.task}: {fault.message}" for fault in outcome.faults}


def _send(fleet: Fleet, packages: Mapping[str, Artifact]) -> tuple[dict[str, str], int]:
    """Wheels, model and a bundle's packages to each box that lacks them.

    To which they did not come, with why; and the bytes that went."""

    def one(name: str) -> tuple[int, str]:
        try:
            return sum(send_to(name, artifact, fleet) for artifact in _needed(name, fleet, packages)), ""
        except StepError as error:
            return 0, error.message

    names: Sequence[str] = list(fleet.hosts)
    with ThreadPoolExecutor(UPLOADS_AT_ONCE) as pool:
        said = list(pool.map(one, names))
    failed = {name: why for name, (_, why) in zip(names, said, strict=True) if why}
    return failed, sum(sent for sent, _ in said)


def _needed(name: str, fleet: Fleet, packages: Mapping[str, Artifact]) -> list[Artifact]:
    """In pull mode models come in releases."""
    model = fleet.bundle.model if not pulls(fleet.plan) else None
    wanted = (fleet.bundle.runtimes[name], fleet.bundle.engines.get(name), model, packages.get(name))
    return [artifact for artifact in wanted if artifact]
