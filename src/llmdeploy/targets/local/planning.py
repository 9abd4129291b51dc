"""Prepare on this machine: read it, find the model, choose an engine, size the model for what is free."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from llmdeploy.adapters.machine import read_machine
from llmdeploy.adapters.resolve_model import FoundModel, resolve_model
from llmdeploy.adapters.supervisor import Supervisor
from llmdeploy.deployment import Deployment
from llmdeploy.engines import Engine, engine, engine_names
from llmdeploy.errors import Problem, SpecError
from llmdeploy.plan import Alternative, Plan
from llmdeploy.run import Recorder
from llmdeploy.sizing.choose import Sizing, choose
from llmdeploy.sizing.machine import Machine
from llmdeploy.units import counted, size_text

if TYPE_CHECKING:
    from llmdeploy.spec import Spec

GIB = 2**30


def plan_local(spec: Spec, deployment: Deployment, recorder: Recorder) -> Plan:
    with recorder.entry("this machine") as entry:
        machine = read_machine(deployment.state.path)
        entry.detail = describe(machine)
    with recorder.entry("model") as entry:
        found = resolve_model(spec.model, deployment, "safetensors" if spec.engine == "vllm" else None)
        entry.detail = f"{found.ref.id}: {found.ref.format}, {size_text(found.ref.size_bytes)}, {found.origin}"
    with recorder.entry("engine") as entry:
        chosen, refused = choose_engine(spec.engine, found)
        entry.detail = chosen.name
    with recorder.entry("size") as entry:
        plan = _size(spec, found, chosen, machine, engine_memory(deployment))
        plan = _keep(deployment.state.known_plans(), replace(plan, alternatives=refused))
        entry.detail = (
            f"{size_text(plan.memory.needed_bytes)} of {size_text(plan.memory.available_bytes)} free; "
            f"{counted(plan.slots, 'slot')} of {plan.context} tokens, {counted(plan.threads, 'thread')}"
        )
    return plan


def describe(machine: Machine) -> str:
    gpus = ", ".join(gpu.name for gpu in machine.gpus) or "no GPU"
    limits = f" ({', '.join(machine.limits)})" if machine.limits else ""
    return (
        f"{machine.os}, {machine.cores:g} cores, {machine.memory_available / GIB:.1f} of "
        f"{machine.memory_total / GIB:.1f} GiB memory free, {machine.disk_free / GIB:.0f} GiB disk free, {gpus}{limits}"
    )


def choose_engine(asked: str, found: FoundModel) -> tuple[Engine, tuple[Alternative, ...]]:
    """The first engine that reads the model's format and can run here, and why the others were not taken.

    Raises SpecError where none is left, with every reason.
    """
    refused: list[Alternative] = []
    chosen: Engine | None = None
    for name in engine_names() if asked == "auto" else (asked,):
        reason = _objection(name, found)
        if reason:
            refused.append(Alternative(f"engine {name}", reason))
        elif chosen is None:
            chosen = engine(name)
    if chosen is None:
        reasons = "; ".join(f"{one.what}: {one.reason}" for one in refused)
        raise SpecError(
            [Problem("engine", f"none can serve {found.ref.id} ({reasons})", "take a GGUF model: --model qwen3-0.6b")],
            "plan",
        )
    return chosen, tuple(refused)


def _objection(name: str, found: FoundModel) -> str:
    if name not in engine_names():
        return "not available in this version"
    candidate = engine(name)
    if found.ref.format not in candidate.formats:
        return f"reads {', '.join(candidate.formats)}, and the model is {found.ref.format}"
    return candidate.missing()


def engine_memory(deployment: Deployment) -> int:
    """Bytes that our own engine and its children hold now; a new plan may have them again."""
    process = Supervisor(deployment.state.supervisor).process("engine")
    if process is None or not process.alive:
        return 0
    import psutil

    try:
        first = psutil.Process(process.pid)
        family = [one.memory_info() for one in (first, *first.children(recursive=True))]
    except psutil.NoSuchProcess:
        return 0
    return sum(one.rss - getattr(one, "shared", 0) for one in family)  # mapped weights are page cache, thus free


def _size(spec: Spec, found: FoundModel, chosen: Engine, machine: Machine, used: int) -> Plan:
    work = spec.workload
    sizing = choose(
        found.architecture,
        machine,
        concurrency=work.concurrency,
        prompt_tokens=work.prompt_tokens,
        output_tokens=work.output_tokens,
        max_memory=spec.resources.memory,
        max_threads=spec.resources.threads,
        already_used=used,
        engine="vllm" if chosen.name == "vllm" else "llamacpp",
    )
    return _compose(spec, found, chosen, machine, sizing)


def _compose(spec: Spec, found: FoundModel, chosen: Engine, machine: Machine, sizing: Sizing) -> Plan:
    return Plan(
        name=spec.name,
        target=spec.target,
        spec=spec.model_dump(mode="json"),
        model=found.ref,
        served_name=spec.access.served_name or spec.model.id.rsplit("/", 1)[-1],
        variant=found.architecture.quantization,
        engine=chosen.name,
        context=sizing.context,
        slots=sizing.slots,
        threads=sizing.threads,
        host=spec.access.host,
        port=spec.access.port,
        memory=sizing.memory,
        accelerators=_accelerators(machine) if chosen.name == "vllm" else (),
        reasons=(*found.reasons, *sizing.reasons, "price: this machine is yours, 0 USD a month"),
        warnings=(*found.warnings, *sizing.warnings, *_unused_gpus(machine, chosen)),
    )


def _accelerators(machine: Machine) -> tuple[str, ...]:
    """The GPU with the most free memory, which is the one that sizing counts with."""
    numbered = list(enumerate(machine.gpus))
    if not numbered:
        return ()
    number, gpu = max(numbered, key=lambda one: one[1].memory_free)
    return (f"cuda:{number} {gpu.name}",)


def _unused_gpus(machine: Machine, chosen: Engine) -> tuple[str, ...]:
    """The CPU is never taken silently where a GPU is there, nor one GPU where there are several."""
    if not machine.gpus:
        return ()
    if chosen.name == "vllm":
        rest = len(machine.gpus) - 1
        return (f"one GPU is used, {rest} more are not: this version plans for one",) if rest else ()
    names = ", ".join(gpu.name for gpu in machine.gpus)
    return (f"{names} is not used: {chosen.name} as installed computes on the CPU; safetensors with vllm use it",)


def _keep(known: tuple[Plan, ...], new: Plan) -> Plan:
    """A known plan where the same spec and model still fit: free memory moves, a running service need not."""
    for old in known:
        same = old.spec == new.spec and old.engine == new.engine and old.model == new.model
        if same and old.digest != new.digest and old.memory.needed_bytes <= new.memory.available_bytes:
            memory = replace(old.memory, available_bytes=new.memory.available_bytes)
            reasons = tuple(dict.fromkeys((*old.reasons, "kept from the last plan, which still fits")))
            return replace(old, memory=memory, reasons=reasons)
    return new
