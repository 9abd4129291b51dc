"""Prepare on many machines: ask them all, refuse with a reason, give each its part of the model."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

from llmdeploy.adapters.resolve_model import FoundModel, resolve_model
from llmdeploy.deployment import Deployment
from llmdeploy.errors import MissingError, Problem, SpecError
from llmdeploy.fleet.alone import EDGE, SLOTS, as_boxes
from llmdeploy.fleet.engine_locks import VLLM, has_gpus
from llmdeploy.fleet.facts import described
from llmdeploy.fleet.fitting import best_fit
from llmdeploy.fleet.gather import gather, none_fit, read_inventory
from llmdeploy.fleet.host import Host
from llmdeploy.fleet.own_files import OWN_FILES, own_file
from llmdeploy.fleet.ports import ACME, free_block
from llmdeploy.fleet.preflight import Wanted, refusals
from llmdeploy.fleet.record import Answered, Member, save_members
from llmdeploy.fleet.room import known_digest, refuse_a_roll, set_up
from llmdeploy.fleet.sizing import Sized, keep_known, share_of, size_host
from llmdeploy.plan import Alternative, HostPlan, Memory, Plan
from llmdeploy.run import Recorder
from llmdeploy.units import counted, size_text

if TYPE_CHECKING:
    from llmdeploy.spec import Spec

MEMBERS = "fleet.json"
SAID_ONE_BY_ONE = 20
"""Hosts above this number are told of in one line; those that are refused always have their own."""


def plan_fleet(spec: Spec, deployment: Deployment, recorder: Recorder) -> Plan:
    """The plan for the hosts of the spec's inventory; saves who they are and what they said."""
    with recorder.entry("hosts") as entry:
        for field in OWN_FILES:
            own_file(field, spec.hosts.model_dump(mode="json"), deployment.environment.cwd)
        hosts = read_inventory(spec.hosts.inventory, deployment.environment)
        hosts = as_boxes(hosts) if spec.target == EDGE else hosts
        entry.detail = f"{counted(len(hosts), 'host')}: {_shortened([host.name for host in hosts])}"
    with recorder.entry("model") as entry:
        found = resolve_model(spec.model, deployment, "safetensors" if spec.engine == "vllm" else None)
        engine = _engine(spec, found)
        entry.detail = f"{found.ref.id}: {found.ref.format}, {size_text(found.ref.size_bytes)}, for {engine}"
    with recorder.entry("facts") as entry:
        answers = gather(hosts, spec.name, lambda done: recorder.doing(f"{done} of {len(hosts)} hosts have answered"))
        said = {name: one for name, one in answers.items() if isinstance(one, Answered)}
        entry.detail = f"{len(said)} of {counted(len(hosts), 'host')} answered"
    silent = {name: one for name, one in answers.items() if isinstance(one, str)}
    wanted = Wanted(
        spec.name,
        engine,
        found.ref.size_bytes,
        _public_ports(spec),
        pulled=bool(spec.hosts.pull_from),
        image=spec.hosts.image,
        set_up=set_up(engine, spec.hosts.image, deployment),
        gpus=any(member.host.engine and has_gpus(member.facts) for member in said.values()),
    )
    if spec.target == EDGE:
        able = {name: said[name] for name in said.keys() - _unfit(said, replace(wanted, model_bytes=0))}
        found = best_fit(spec, found, able, deployment, recorder)
    artifact = known_digest(found.ref, deployment, recorder)
    wanted = replace(wanted, model_bytes=found.ref.size_bytes, artifact=artifact)
    if spec.target != EDGE:
        refuse_a_roll(said, wanted)
    reasons = {**silent, **_unfit(said, wanted)}
    fit = {name: member for name, member in said.items() if name not in reasons}
    with recorder.entry("size") as entry:
        sized = _sized(spec, engine, found, fit, reasons)
        plan = _compose(spec, engine, found, hosts, sized, said, reasons, deployment)
        engines = sum(host.replicas for host in plan.hosts)
        entry.detail = f"{engines} engines, {_slots(plan)} requests at once of {plan.context} tokens"
    _tell(hosts, said, reasons, recorder)
    _within_bounds(spec, hosts, reasons)
    taken = {name: member for name, member in said.items() if name not in reasons}
    save_members(deployment.state.path / MEMBERS, tuple(taken.get(host.name) or Member(host) for host in hosts))
    return plan


def _public_ports(spec: Spec) -> tuple[int, ...]:
    return (spec.access.port, *([ACME] if spec.hosts.acme_email else []))


def _engine(spec: Spec, found: FoundModel) -> str:
    name = {"gguf": "llamacpp", "safetensors": VLLM}[found.ref.format]
    if spec.hosts.image and name != VLLM:
        message = f"an image is for vLLM, and {found.ref.id} is {found.ref.format}, which {name} serves out of wheels"
        raise SpecError([Problem("hosts.image", message, "remove it")], "spec")
    asked = spec.engine
    if asked in ("auto", name):
        return name
    raise SpecError(
        [
            Problem(
                "engine", f"{asked} cannot serve {found.ref.id}, which is {found.ref.format}", f"write auto or {name}"
            )
        ],
        "spec",
    )


def _unfit(said: Mapping[str, Answered], wanted: Wanted) -> dict[str, str]:
    found = {}
    for name, member in said.items():
        against = refusals(member.facts, wanted, member.host.gateway, member.host.engine)
        if against:
            found[name] = "; ".join(against)
    return found


def _sized(
    spec: Spec, engine: str, found: FoundModel, fit: Mapping[str, Answered], reasons: dict[str, str]
) -> dict[str, Sized]:
    """Each engine host's part; what does not fit goes to `reasons`. Raises MissingError where nothing is left."""
    serving = [member for member in fit.values() if member.host.engine]
    together = 1 if spec.target == EDGE else len(serving)
    share = share_of(spec, engine, found.architecture, max(1, together))
    sized: dict[str, Sized] = {}
    for member in serving:
        part = size_host(member.host, member.facts, share)
        if isinstance(part, str):
            reasons[member.host.name] = part
        else:
            sized[member.host.name] = part
    if not sized:
        raise none_fit(reasons)
    return sized


def _compose(
    spec: Spec,
    engine: str,
    found: FoundModel,
    hosts: tuple[Host, ...],
    sized: Mapping[str, Sized],
    said: Mapping[str, Answered],
    reasons: Mapping[str, str],
    deployment: Deployment,
) -> Plan:
    known_plans = [plan for plan in deployment.state.known_plans() if plan.hosts]
    wanted = spec.model_dump(mode="json")
    alike = [plan for plan in known_plans if (plan.spec, plan.engine, plan.model) == (wanted, engine, found.ref)]
    known = {host.name: host for plan in reversed(known_plans) for host in plan.hosts}
    kept = {host.name: host for plan in reversed(alike) for host in plan.hosts}
    parts = tuple(part for host in hosts if (part := _part(host, sized, said, reasons, known, kept)))
    context = min(part.context for part in sized.values())
    least = min(sized.values(), key=lambda part: part.memory.available_bytes - part.memory.needed_bytes)
    answered = [member.facts for member in said.values()]
    known_block = known_plans[0].port_block if known_plans else 0
    most = max(SLOTS, *(part.replicas for part in parts))
    block = free_block(spec.name, answered, known_block, [spec.access.port], most)
    return Plan(
        name=spec.name,
        target=spec.target,
        spec=wanted,
        model=found.ref,
        served_name=spec.access.served_name or spec.model.id.rsplit("/", 1)[-1],
        variant=found.architecture.quantization,
        engine=engine,
        context=_kept_context(context, alike, parts),
        slots=max(part.slots for part in parts),
        threads=max(part.threads for part in parts),
        host=_address(spec, parts),
        port=spec.access.port,
        memory=_memory(least),
        replicas=sum(part.replicas for part in parts),
        machines=len(parts),
        hosts=parts,
        port_block=block,
        reasons=(*found.reasons, *least.reasons, "price: these machines are yours, 0 USD a month"),
        warnings=(
            *found.warnings,
            *dict.fromkeys(text for part in sized.values() for text in part.warnings),
            *_unused_gpus(said, engine),
            *_no_gpus(sized, said, engine, spec.hosts.image),
        ),
        alternatives=tuple(Alternative(f"host {name}", reason) for name, reason in reasons.items()),
    )


def _unused_gpus(said: Mapping[str, Answered], engine: str) -> list[str]:
    """The CPU is never taken silently where a GPU is there."""
    if engine == VLLM:
        return []
    idle = [name for name, member in said.items() if member.facts.pci_gpus or member.facts.machine.gpus]
    where = _shortened(idle)
    return [f"GPUs of {where} are not used: {engine} as installed computes on the CPU"] if idle else []


def _no_gpus(sized: Mapping[str, Sized], said: Mapping[str, Answered], engine: str, image: str) -> list[str]:
    names = [name for name in sized if not has_gpus(said[name].facts)]
    if engine != VLLM or not names:
        return []
    where = f"vLLM computes on the processors of {_shortened(names)}, which have no GPU: that is slow"
    return [where, *(["hosts.image must be an image of vLLM for processors"] if image else [])]


def _part(
    host: Host,
    sized: Mapping[str, Sized],
    said: Mapping[str, Answered],
    reasons: Mapping[str, str],
    known: Mapping[str, HostPlan],
    kept: Mapping[str, HostPlan],
) -> HostPlan | None:
    """A host's part now; of one that is off, what it had (`known`): it stays a member and is caught up.

    `kept` are parts under the same spec, which stay as they are where they still fit."""
    if host.name in sized:
        facts = said[host.name].facts
        return keep_known(sized[host.name].plan, kept, facts.machine.memory_available + facts.own_engines)
    if host.name in reasons:
        return known.get(host.name)
    return HostPlan(host.name, host.address, gateway=host.gateway, wave=host.wave)


def _kept_context(context: int, known: list[Plan], parts: tuple[HostPlan, ...]) -> int:
    """The former context where it holds still: all hosts have the part that they had."""
    same = [plan.context for plan in known if set(plan.hosts) == set(parts) and plan.context <= context]
    return same[0] if same else context


def _memory(part: Sized) -> Memory:
    return replace(part.memory, available_bytes=part.memory.available_bytes)


def _address(spec: Spec, parts: tuple[HostPlan, ...]) -> str:
    gateways = [part.address for part in parts if part.gateway]
    if not gateways:
        raise MissingError("no gateway is fit", "name another host with role: gateway or both")
    return spec.hosts.public_name or spec.hosts.virtual_address.split("/")[0] or gateways[0]


def _tell(
    hosts: tuple[Host, ...], said: Mapping[str, Answered], reasons: Mapping[str, str], recorder: Recorder
) -> None:
    for host in hosts:
        if host.name in reasons:
            hint = "mend it and run again: it is caught up then"
            recorder.note(host.name, f"left out: {reasons[host.name]}", "warning", hint)
        elif len(hosts) <= SAID_ONE_BY_ONE:
            recorder.note(host.name, described(said[host.name].facts))


def _within_bounds(spec: Spec, hosts: tuple[Host, ...], reasons: Mapping[str, str]) -> None:
    bound = min(spec.hosts.max_unavailable, len(hosts) - 1)
    if len(reasons) <= bound:
        return
    lines = "; ".join(f"{name}: {reason}" for name, reason in list(reasons.items())[:10])
    raise MissingError(
        f"{len(reasons)} of {len(hosts)} hosts cannot be taken, and hosts.max_unavailable is "
        f"{spec.hosts.max_unavailable}: {lines}",
        "mend them, take them off the list, or raise hosts.max_unavailable",
    )


def _slots(plan: Plan) -> int:
    return sum(host.replicas * host.slots for host in plan.hosts)


def _shortened(names: list[str]) -> str:
    return ", ".join(names[:6]) + (f" and {len(names) - 6} more" if len(names) > 6 else "")
