"""A signed release as a folder that any static web server or a USB stick can carry."""

from __future__ import annotations

import json
import shutil
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from llmdeploy import __version__
from llmdeploy.adapters.runtime import Python
from llmdeploy.adapters.signer import ensure_signer, sign
from llmdeploy.artifact import Artifact, artifact_of
from llmdeploy.deployment import Deployment
from llmdeploy.engines import Site, engine
from llmdeploy.errors import StepError
from llmdeploy.fleet.brought_model import model_artifact
from llmdeploy.fleet.places import Secrets
from llmdeploy.fleet.variables import Fleet
from llmdeploy.fleet.wheels import From
from llmdeploy.fleet.work import fleet_of
from llmdeploy.onhost.signed import FILE, Release, sealed
from llmdeploy.plan import HostPlan, Plan
from llmdeploy.run import Recorder
from llmdeploy.state import write_private
from llmdeploy.units import size_text

NUMBER = "release.number"
PLACEHOLDERS = Site("{python}", "{model}", "{key}")


def make_release(plan: Plan, deployment: Deployment, recorder: Recorder, folder: Path) -> int:
    """Write the next release of the plan into `folder`; files that are there already stay. Its number."""
    if plan.engine != "llamacpp":
        raise StepError(f"pull mode is for llama.cpp, and the plan takes {plan.engine}", "deploy it over SSH")
    with recorder.entry("release") as entry:
        fleet = fleet_of(plan, deployment, wheels=From.MADE)
        model = model_artifact(plan, deployment, recorder)
        golden = artifact_of({"golden.yaml": fleet.golden}) if fleet.golden else None
        artifacts = [*fleet.bundle.runtimes.values(), model, *([golden] if golden else [])]
        number = _next(deployment)
        release = _release(number, plan, fleet, model, golden, artifacts)
        new = _copy(artifacts, folder)
        _publish(release, deployment, folder)
        write_private(deployment.state.path / NUMBER, f"{number}\n")
        entry.changed(f"number {number} in {folder}, {size_text(new)} of new files, {len(release.boxes)} boxes")
        recorder.data["release"] = number
    return number


def _release(
    number: int, plan: Plan, fleet: Fleet, model: Artifact, golden: Artifact | None, artifacts: list[Artifact]
) -> Release:
    kinds = {
        Python(facts.python, facts.machine.architecture).name: fleet.bundle.runtimes[name].digest
        for name, (_, facts) in fleet.hosts.items()
    }
    return Release(
        deployment=plan.name,
        number=number,
        needs=__version__,
        served_name=plan.served_name,
        model=model.digest,
        runtimes=kinds,
        artifacts={one.digest: one.as_json()["files"] for one in artifacts},
        boxes={host.name: _serving(plan, host) for host in plan.hosts if host.replicas},
        golden=golden.digest if golden else "",
        min_accuracy=plan.spec["test"]["min_accuracy"],
    )


def _serving(plan: Plan, host: HostPlan) -> dict[str, Any]:
    """The engine's arguments on one box; interpreter, model, key and port are the slot's."""
    part = replace(plan, host="127.0.0.1", port=0, slots=host.slots, threads=host.threads)
    serving = engine(plan.engine).serve(part, PLACEHOLDERS)
    argv = list(serving.argv)
    argv[argv.index("--port") + 1] = "{port}"
    return {"argv": argv, "env": dict(serving.env)}


def _copy(artifacts: list[Artifact], folder: Path) -> int:
    """Files by their sha256, each once; bytes that are new."""
    place, new = folder / "files", 0
    place.mkdir(parents=True, exist_ok=True)
    for file in {one.sha256: one for artifact in artifacts for one in artifact.files}.values():
        target = place / file.sha256
        if target.exists() and target.stat().st_size == file.bytes:
            continue
        partial = target.with_suffix(".new")
        shutil.copyfile(file.path, partial)
        partial.replace(target)
        new += file.bytes
    return new


def _publish(release: Release, deployment: Deployment, folder: Path) -> None:
    """The manifest last and in one step: whoever looks sees the former release or this one."""
    secrets = Secrets(deployment.state.path.absolute())
    ensure_signer(secrets.release_key, secrets.release_signer)
    payload = json.dumps(asdict(release), sort_keys=True).encode()
    partial = folder / f".{FILE}.new"
    partial.write_text(sealed(payload, sign(secrets.release_key, payload)), encoding="utf-8")
    partial.replace(folder / FILE)


def _next(deployment: Deployment) -> int:
    path = deployment.state.path / NUMBER
    return int(path.read_text()) + 1 if path.exists() else 1
