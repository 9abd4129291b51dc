"""A bundle: all that hosts need, in one file, made where there is a network."""

from __future__ import annotations

import hashlib
import json
import subprocess
import tarfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from llmdeploy import __version__
from llmdeploy.adapters.archive import write_archive
from llmdeploy.adapters.runtime.build import HOST_LOCK
from llmdeploy.adapters.ssh.reach import Reach
from llmdeploy.artifact import Artifact
from llmdeploy.bundled import bundled
from llmdeploy.deployment import Deployment
from llmdeploy.errors import MissingError, StepError
from llmdeploy.fleet.brought_model import model_artifact
from llmdeploy.fleet.engine_locks import CUDA, PROCESSOR
from llmdeploy.fleet.facts import Facts
from llmdeploy.fleet.gather import gather, reach_of
from llmdeploy.fleet.host import Host
from llmdeploy.fleet.record import Member
from llmdeploy.fleet.variables import VLLM_PACKAGES, Fleet, image_of
from llmdeploy.fleet.wheels import From
from llmdeploy.fleet.work import fleet_of
from llmdeploy.plan import Plan
from llmdeploy.run import Recorder
from llmdeploy.units import size_text

SCRIPT = Path(__file__).parent.parent / "onhost" / "packages.py"
BASIC = (
    "ca-certificates", "curl", "dbus", "haproxy", "libgomp1", "nftables", "openssl", "prometheus-node-exporter",
    "python3-apt", "systemd-timesyncd", "unattended-upgrades",
)  # fmt: skip
TOGETHER = ("nginx-light", "prometheus", "prometheus-alertmanager")
"""What hosts that know each other need beside the basic ones."""
FETCH_SECONDS = 900


@dataclass(frozen=True)
class Made:
    """The bundle, its own sha256, and how many bytes it has."""

    path: Path
    sha256: str
    bytes: int


def system_of(facts: Facts) -> str:
    """What packages are for: `debian-12-x86_64`."""
    return f"{facts.os.replace(' ', '-')}-{facts.machine.architecture}"


def made_by() -> dict[str, str]:
    """What must be the same where a bundle is made and where it is used: llmdeploy, and the locks of what hosts run."""
    locks = (HOST_LOCK, CUDA.file, PROCESSOR.file)
    digest = hashlib.sha256(b"".join(bundled(name).read_bytes() for name in locks)).hexdigest()
    return {"version": __version__, "lock": digest[:12]}


def make_bundle(plan: Plan, deployment: Deployment, recorder: Recorder, target: Path, ask: tuple[str, ...]) -> Made:
    """Write the bundle. `ask` names hosts whose apt gets the packages; without it one host of each system is taken.

    Raises StepError for a plan with a container image.
    """
    if image := image_of(plan):
        raise StepError(
            f"a bundle cannot hold {image}: each host fetches it from its registry",
            "remove hosts.image, and the wheels of vLLM go into the bundle",
        )
    with recorder.entry("runtime") as entry:
        fleet = fleet_of(plan, deployment, wheels=From.MADE)
        entry.detail = f"{len({one.digest for one in fleet.bundle.runtimes.values()})} kind(s) of interpreter"
    with recorder.entry("weights") as entry:
        model = model_artifact(plan, deployment, recorder)
        entry.detail = size_text(model.bytes)
    with TemporaryDirectory(prefix="bundle-", dir=deployment.state.path) as place:
        with recorder.entry("packages") as entry:
            systems = _packages(fleet, plan, Path(place), ask)
            entry.detail = ", ".join(f"{system} from {name}" for system, name in systems.items())
        about = {**made_by(), "name": plan.name, "plan": plan.digest, "systems": sorted(systems)}
        (Path(place) / "bundle.json").write_text(json.dumps(about, indent=1))
        (Path(place) / "plan.json").write_text(json.dumps(plan.as_json(), indent=1))
        with recorder.entry("bundle") as entry:
            files = dict(_files(Path(place), fleet, model, plan, deployment))
            digest = write_archive(target, files)
            made = Made(target, digest, target.stat().st_size)
            entry.changed(f"{target}: {len(files)} files, {size_text(made.bytes)}, sha256 {digest}")
    recorder.data["bundle"] = {"path": str(target), "sha256": digest, "bytes": made.bytes}
    return made


def _files(
    place: Path, fleet: Fleet, model: Artifact, plan: Plan, deployment: Deployment
) -> Iterator[tuple[str, Path]]:
    for path in sorted(place.rglob("*")):
        if path.is_file():
            yield path.relative_to(place).as_posix(), path
    runtimes = deployment.environment.state_root.absolute() / "runtimes"
    for artifact in fleet.bundle.wheels:
        for file in artifact.files:
            yield f"runtimes/{file.path.relative_to(runtimes).as_posix()}", file.path
    yield from _weights(model, plan, deployment)
    playbooks = bundled("playbooks")
    for path in sorted(playbooks.rglob("*")):
        if path.is_file() and "__pycache__" not in path.parts:
            yield f"playbooks/{path.relative_to(playbooks).as_posix()}", path


def _weights(model: Artifact, plan: Plan, deployment: Deployment) -> Iterator[tuple[str, Path]]:
    """Out of the store with its record, so that it is a store again where it is unpacked. The embedded model comes with
    llmdeploy, here and there."""
    if plan.model.source == "path":
        raise StepError(
            f"{plan.model.id} is a path on this machine, which is no name elsewhere",
            "take the model along by hand, or name a repository",
        )
    if plan.model.source == "hub":
        folder = model.files[0].path.parent
        for path in sorted(folder.rglob("*")):
            if path.is_file():
                yield f"models/{path.relative_to(deployment.models).as_posix()}", path


def _packages(fleet: Fleet, plan: Plan, place: Path, ask: tuple[str, ...]) -> dict[str, str]:
    """The packages of every system among the hosts, under packages/; who gave them."""
    wanted = {system_of(facts) for _, facts in fleet.hosts.values()}
    names = [*BASIC, *(TOGETHER if plan.target != "edge" else ()), *(VLLM_PACKAGES if fleet.bundle.engines else ())]
    given: dict[str, str] = {}
    for host, facts in _asked(fleet, plan, ask):
        system = system_of(facts)
        if system in wanted and system not in given:
            _fetch(reach_of(host), names, place / "packages" / system)
            given[system] = host.name
    if missing := sorted(wanted - set(given)):
        raise MissingError(
            f"no host that was asked is a {', '.join(missing)}", "name one that has a network: --from-host NAME"
        )
    return given


def _asked(fleet: Fleet, plan: Plan, ask: tuple[str, ...]) -> list[tuple[Host, Facts]]:
    """The hosts of these names; a name that is none of the fleet's is one for ssh."""
    if not ask:
        return list(fleet.hosts.values())
    others = [Host(name, name) for name in ask if name not in fleet.hosts]
    answers: Mapping[str, Member | str] = gather(others, plan.name) if others else {}
    found = [fleet.hosts[name] for name in ask if name in fleet.hosts]
    for host in others:
        answer = answers[host.name]
        if isinstance(answer, str) or answer.facts is None:
            raise MissingError(f"{host.name}: {answer}", "name a host that ssh reaches")
        found.append((host, answer.facts))
    return found


def _fetch(reach: Reach, names: list[str], folder: Path) -> None:
    folder.mkdir(parents=True)
    script, command = SCRIPT.read_bytes(), reach.command(f"exec python3 -I - {' '.join(names)}")
    packed = folder.with_suffix(".tar")
    try:
        with packed.open("wb") as stream:
            done = subprocess.run(
                command, input=script, stdout=stream, stderr=subprocess.PIPE, timeout=FETCH_SECONDS, check=False
            )
        if done.returncode:
            raise StepError(
                f"{reach.name}: {done.stderr.decode(errors='replace').strip()[-500:]}", "see its apt sources"
            )
        with tarfile.open(packed) as archive:
            archive.extractall(folder, filter="data")
    except subprocess.TimeoutExpired:
        raise StepError(f"{reach.name}: packages did not come within {FETCH_SECONDS} s", "try another host") from None
    finally:
        packed.unlink(missing_ok=True)
