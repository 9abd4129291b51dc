"""What each host gets of the model: engines, slots, threads and memory, out of what is free there."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from llmdeploy.errors import SpecError
from llmdeploy.fleet.engine_locks import VLLM
from llmdeploy.fleet.facts import Facts
from llmdeploy.fleet.host import Host
from llmdeploy.fleet.ports import MOST_REPLICAS
from llmdeploy.plan import HostPlan, Memory
from llmdeploy.sizing.architecture import Architecture
from llmdeploy.sizing.choose import Sizing, choose
from llmdeploy.sizing.machine import Machine

if TYPE_CHECKING:
    from llmdeploy.spec import Spec

MIB = 2**20
GPU_HOSTS_PART = 0.8
MARGIN, SPARE = 1.25, 256 * MIB
"""MemoryMax above what sizing counts: an engine that grows by a quarter is ended rather than the host."""


@dataclass(frozen=True)
class Sized:
    """A host's part, the context that it can hold, and the memory of one replica there."""

    plan: HostPlan
    context: int
    memory: Memory
    reasons: tuple[str, ...]
    warnings: tuple[str, ...]


@dataclass(frozen=True)
class Share:
    """What one of the engine hosts must carry: its part of the workload, so that `spare` hosts may be off."""

    concurrency: int
    spec: Spec
    engine: str
    architecture: Architecture


def share_of(spec: Spec, engine: str, architecture: Architecture, engines: int) -> Share:
    carrying = max(1, engines - min(spec.hosts.max_unavailable, engines - 1))
    return Share(-(-spec.workload.concurrency // carrying), spec, engine, architecture)


def size_host(host: Host, facts: Facts, share: Share) -> Sized | str:
    """The host's part, or in one line why the model does not fit there."""
    plan = HostPlan(host.name, host.address, gateway=host.gateway, wave=host.wave)
    every = _groups(facts, share.engine)
    groups = every[:MOST_REPLICAS]
    # Of a GPU, what our engines hold stands in its own figures.
    held = 0 if share.engine == VLLM and facts.machine.gpus else facts.own_engines // len(groups)
    for count in dict.fromkeys((len(groups), 1)):
        parts = len(every) if count > 1 else 1
        try:
            sizing = _choose(_part(facts.machine, parts, share.engine), share, held, count)
        except SpecError as error:
            reason = error.problems[0].message
            continue
        chosen = groups[:count] if count > 1 or share.engine == VLLM else [("", ())]
        return Sized(
            plan=replace(
                plan,
                replicas=count,
                slots=sizing.slots,
                threads=sizing.threads,
                memory_max=_memory_max(facts, sizing.memory, share.engine, count),
                cpus=tuple(cpus for cpus, _ in chosen),
                gpus=tuple(gpus for _, gpus in chosen),
            ),
            context=sizing.context,
            memory=sizing.memory,
            reasons=sizing.reasons,
            warnings=(*sizing.warnings, *(_idle(host, every, share.engine) if count > 1 else ())),
        )
    return reason


def _idle(host: Host, groups: list[tuple[str, tuple[int, ...]]], engine: str) -> tuple[str, ...]:
    """What is not used where a host falls into more parts than a deployment has ports for."""
    if len(groups) <= MOST_REPLICAS:
        return ()
    kind = "GPUs" if engine == VLLM else "NUMA nodes"
    left = len(groups) - MOST_REPLICAS
    return (
        f"{left} of {len(groups)} {kind} of {host.name} are not used: a deployment has ports for {MOST_REPLICAS} "
        "engines on a host",
    )


def _memory_max(facts: Facts, needed: Memory, engine: str, count: int) -> int:
    """On a GPU sizing counts the GPU's memory; of the host's, which it loads the weights through, each engine gets its
    part. That is of all there is, so that it is the same at every look."""
    if engine == VLLM and facts.machine.gpus:
        return int(facts.machine.memory_total * GPU_HOSTS_PART) // count
    return int(needed.needed_bytes * MARGIN) + SPARE


def _groups(facts: Facts, engine: str) -> list[tuple[str, tuple[int, ...]]]:
    """What a host falls into: one group a GPU for vLLM, one a NUMA node for the processor's engine. vLLM on a processor
    has the host to itself."""
    if engine == VLLM:
        return [("", (number,)) for number in range(len(facts.machine.gpus) or facts.pci_gpus)] or [("", ())]
    return [(cpus, ()) for cpus in facts.numa if cpus] or [("", ())]


def _part(machine: Machine, count: int, engine: str) -> Machine:
    """The machine as one of `count` engines sees it."""
    if count == 1 or engine == VLLM:
        return machine
    return replace(
        machine,
        cores=machine.cores / count,
        physical_cores=max(1, machine.physical_cores // count),
        memory_total=machine.memory_total // count,
        memory_available=machine.memory_available // count,
    )


def _choose(machine: Machine, share: Share, held: int, count: int) -> Sizing:
    work, resources = share.spec.workload, share.spec.resources
    return choose(
        share.architecture,
        machine,
        concurrency=-(-share.concurrency // count),
        prompt_tokens=work.prompt_tokens,
        output_tokens=work.output_tokens,
        max_memory=resources.memory,
        max_threads=resources.threads,
        already_used=held,
        engine=VLLM if share.engine == VLLM else "llamacpp",
    )


def keep_known(new: HostPlan, known: Mapping[str, HostPlan], free: int) -> HostPlan:
    """What the host had before where that still fits: free memory moves, a running engine need not."""
    old = known.get(new.name)
    if old is None or (old.address, old.gateway, old.wave) != (new.address, new.gateway, new.wave):
        return new
    same_kind = (old.replicas > 0) == (new.replicas > 0) and len(old.gpus) == len(new.gpus)
    return old if same_kind and old.memory_max * max(1, old.replicas) <= free else new
