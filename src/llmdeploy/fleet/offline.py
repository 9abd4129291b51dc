"""Working from a bundle: neither the hosts nor this machine need a package index or the hub."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from llmdeploy.adapters.ansible import Outcome, Playbook, run_playbook
from llmdeploy.adapters.archive import unpack_archive
from llmdeploy.artifact import Artifact, artifact_of
from llmdeploy.bundled import bundled
from llmdeploy.deployment import Deployment
from llmdeploy.errors import MissingError, StepError
from llmdeploy.fleet.bundling import made_by, system_of
from llmdeploy.fleet.offline_place import unpacked
from llmdeploy.fleet.places import INCOMING
from llmdeploy.fleet.sending import send_to
from llmdeploy.fleet.variables import Fleet
from llmdeploy.fleet.work import connection_of, told
from llmdeploy.run import Recorder
from llmdeploy.units import counted, size_text


def open_bundle(source: Path, deployment: Deployment, recorder: Recorder) -> None:
    """Verify it and put its parts where the steps look for them. It stays in force until `up` runs without one."""
    with recorder.entry("bundle") as entry:
        fresh = deployment.state.path / ".bundle-new"
        shutil.rmtree(fresh, ignore_errors=True)
        try:
            unpack_archive(source, fresh)
            about = json.loads((fresh / "bundle.json").read_text(encoding="utf-8"))
            _check(about, source)
            _spread(fresh, deployment)
            shutil.rmtree(unpacked(deployment), ignore_errors=True)
            fresh.rename(unpacked(deployment))
        finally:
            shutil.rmtree(fresh, ignore_errors=True)
        entry.detail = f"{source.name}: verified; packages for {', '.join(about['systems'])}"


def bring_packages(fleet: Fleet, deployment: Deployment, recorder: Recorder) -> None:
    """The bundle's packages to every host, for apt to install from; nothing where there is no bundle."""
    artifacts = packages_of(fleet, deployment)
    if not artifacts:
        return
    with recorder.entry("packages") as entry:
        sent = sum(send_to(name, artifact, fleet) for name, artifact in artifacts.items())
        outcome = store_packages(artifacts, fleet, deployment)
        if outcome.faults:
            raise StepError(told(outcome), "mend it and run the same command again")
        entry.detail = f"on {counted(len(fleet.hosts), 'host')}, {size_text(sent)} sent"
        if outcome.changed:
            entry.changed(entry.detail)


def packages_of(fleet: Fleet, deployment: Deployment) -> dict[str, Artifact]:
    """What the bundle has for each host; none where there is no bundle."""
    if not unpacked(deployment).exists():
        return {}
    return {name: _packages(system_of(facts), deployment) for name, (_, facts) in fleet.hosts.items()}


def store_packages(artifacts: Mapping[str, Artifact], fleet: Fleet, deployment: Deployment) -> Outcome:
    """Have the apt of our tasks know the packages that were sent."""
    hosts = {
        name: {**connection_of(host), "offline_packages": artifacts[name].as_json(), "offline_incoming": INCOMING}
        for name, (host, _) in fleet.hosts.items()
    }
    inventory = {"all": {"hosts": hosts, "vars": {"llmdeploy_name": fleet.plan.name}}}
    folder = deployment.state.path.absolute() / "ansible"
    playbook = Playbook(bundled("playbooks") / "offline.yml", inventory, folder)
    return run_playbook(playbook, dict(deployment.environment.variables))


def _packages(system: str, deployment: Deployment) -> Artifact:
    folder = unpacked(deployment) / "packages" / system
    if not folder.is_dir():
        there = ", ".join(sorted(path.name for path in folder.parent.iterdir()))
        raise MissingError(f"the bundle has no packages for {system}, but for {there}", "make one with such a host")
    return artifact_of({path.name: path.absolute() for path in folder.iterdir()})


def _check(about: dict[str, Any], source: Path) -> None:
    own = made_by()
    if {key: about.get(key) for key in own} != own:
        theirs = f"{about.get('version')} with lock {about.get('lock')}"
        raise StepError(
            f"{source} was made by llmdeploy {theirs}, and this is {own['version']} with lock {own['lock']}",
            "use the same version on both machines",
        )


def _spread(fresh: Path, deployment: Deployment) -> None:
    """Wheels and weights to their stores, which are shared; a plan where there is none yet, for its pinned revision."""
    for name, store in (("runtimes", deployment.environment.state_root / "runtimes"), ("models", deployment.models)):
        if (fresh / name).is_dir():
            shutil.copytree(fresh / name, store, dirs_exist_ok=True)
            shutil.rmtree(fresh / name)
    if deployment.state.load_plan() is None:
        shutil.copy(fresh / "plan.json", deployment.state.path / "plan.json")
