"""What fits: context, slots and threads for one model on one machine, with the reasons."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Final

from llmdeploy.errors import Problem, SpecError
from llmdeploy.plan import Memory
from llmdeploy.sizing.architecture import Architecture
from llmdeploy.sizing.llamacpp import MIB, llamacpp_memory, round_up
from llmdeploy.sizing.machine import Machine
from llmdeploy.sizing.vllm.on_machine import vllm_memory_on_cpu, vllm_memory_on_gpu
from llmdeploy.units import size_text

HEADROOM: Final = 1.25  # chat template, a longer question than said
LEAST_CONTEXT: Final = 512
MOST_SLOTS: Final = 64
# The rest of the system goes on living: a twentieth of the memory, at most this much.
MOST_RESERVE: Final = 512 * MIB
# Below this a model computes a token faster than HTTP and JSON carry it away, and as many compute threads as
# cores starve them: 3059 -> 955 tokens/s at 16 requests with a 2 M model on 2 cores. Not measured for larger
# models.
SMALL_MODEL: Final = 1_000_000_000
Q4_K_M_BITS: Final = 4.9  # weights of a 7-8 B model, median of the catalogue


@dataclass(frozen=True)
class Sizing:
    """What was chosen: `context` in tokens per request, `slots` requests at once, compute `threads`."""

    context: int
    slots: int
    threads: int
    memory: Memory
    reasons: tuple[str, ...]
    warnings: tuple[str, ...]


@dataclass(frozen=True)
class _Need:
    """The workload: tokens of one request, and how many at once."""

    tokens: int
    concurrency: int


Demand = Callable[[int, int], Memory]  # (context, slots) -> memory


def choose(
    architecture: Architecture,
    machine: Machine,
    *,
    concurrency: int,
    prompt_tokens: int,
    output_tokens: int,
    max_memory: int | None,
    max_threads: int | None,
    already_used: int = 0,
    engine: str = "llamacpp",
) -> Sizing:
    """The sizing for `concurrency` requests of `prompt_tokens` + `output_tokens` each.

    `max_memory` (bytes) and `max_threads` are the user's limits, `already_used` the bytes that our own
    running engine holds and will give back. Slots shrink first, then the context; raises SpecError where
    nothing fits.
    """
    need = _Need(prompt_tokens + output_tokens, concurrency)
    demand = _demand(architecture, machine, max_memory, already_used, engine)
    wanted, why_context = _context(architecture, need)
    found = _fitting(architecture, need, demand, wanted)
    if found is None:
        raise SpecError([_too_large(architecture, machine, need, demand, max_memory)], "spec")
    context, slots = found
    if context < wanted:
        why_context = f"context {context}: what a request needs and no more, because memory is short"
    threads, why_threads = _threads(architecture, machine, max_threads)
    return Sizing(
        context=context,
        slots=slots,
        threads=threads,
        memory=demand(context, slots),
        reasons=(why_context, _why_slots(slots, need), why_threads),
        warnings=_warnings(architecture, machine, need, slots, engine),
    )


def _demand(
    architecture: Architecture, machine: Machine, max_memory: int | None, already_used: int, engine: str
) -> Demand:
    if engine == "vllm" and machine.gpus:
        free = max(gpu.memory_free for gpu in machine.gpus) + already_used
        return partial(vllm_memory_on_gpu, architecture, available=_least(free, max_memory))
    reserve = min(machine.memory_total // 20, MOST_RESERVE)
    free = max(0, machine.memory_available + already_used - reserve)
    if engine == "vllm":
        return partial(vllm_memory_on_cpu, architecture, available=_least(free, max_memory))
    return partial(llamacpp_memory, architecture, available=_least(free, max_memory))


def _least(free: int, limit: int | None) -> int:
    return free if limit is None else min(free, limit)


def _context(architecture: Architecture, need: _Need) -> tuple[int, str]:
    wanted = max(LEAST_CONTEXT, round_up(int(need.tokens * HEADROOM)))
    if wanted >= architecture.context:
        return architecture.context, f"context {architecture.context}: the model's maximum"
    return wanted, f"context {wanted}: {need.tokens} tokens a request and a quarter more"


def _least_context(architecture: Architecture, need: _Need) -> int:
    return min(architecture.context, round_up(need.tokens))


def _fitting(architecture: Architecture, need: _Need, demand: Demand, wanted: int) -> tuple[int, int] | None:
    """The first (context, slots) that fits: fewer slots before less context."""
    most = max(1, min(need.concurrency, MOST_SLOTS))
    for context in dict.fromkeys((wanted, min(wanted, _least_context(architecture, need)))):
        for slots in range(most, 0, -1):
            if demand(context, slots).fits:
                return context, slots
    return None


def _why_slots(slots: int, need: _Need) -> str:
    said = f"{slots} {'slot' if slots == 1 else 'slots'}"
    if slots == need.concurrency:
        return f"{said}: workload.concurrency"
    if slots == MOST_SLOTS:
        return f"{said}: the most that one engine gets, of workload.concurrency {need.concurrency}"
    return f"{said}: what memory allows, of workload.concurrency {need.concurrency}"


def _threads(architecture: Architecture, machine: Machine, limit: int | None) -> tuple[int, str]:
    usable = max(1, min(int(machine.cores), machine.physical_cores))
    small = architecture.parameters < SMALL_MODEL
    threads = max(1, usable - 1) if small else usable
    cores = f"{usable} {'core' if usable == 1 else 'cores'}"
    why = f"{cores}, one left for HTTP" if threads < usable else cores
    if limit is not None and limit < threads:
        threads, why = max(1, limit), f"the limit that was set, of {cores}"
    return threads, f"{threads} {'thread' if threads == 1 else 'threads'}: {why}"


def _warnings(architecture: Architecture, machine: Machine, need: _Need, slots: int, engine: str) -> tuple[str, ...]:
    said = []
    if need.tokens > architecture.context:
        said.append(
            f"workload asks for {need.tokens} tokens a request, and the model's context is "
            f"{architecture.context}: longer requests get a 400"
        )
    if slots < need.concurrency:
        said.append(f"{need.concurrency - slots} of {need.concurrency} requests at once will wait for a slot")
    known = machine.architecture in ("x86_64", "AMD64") and machine.instruction_sets
    if engine == "llamacpp" and known and "avx2" not in machine.instruction_sets:
        said.append("this CPU has no AVX2, and the xllamacpp wheel needs it: the engine may not start")
    return tuple(said)


def _too_large(
    architecture: Architecture, machine: Machine, need: _Need, demand: Demand, max_memory: int | None
) -> Problem:
    least = demand(_least_context(architecture, need), 1)
    limited = max_memory == least.available_bytes
    because = "; ".join(machine.limits)
    return Problem(
        path="resources.memory" if limited else "model.id",
        message=(
            f"the model needs {size_text(least.needed_bytes)} at the least (weights "
            f"{size_text(architecture.weight_bytes)}), and {size_text(least.available_bytes)} is "
            + ("the limit set here" if limited else "free" + (f" ({because})" if because else ""))
        ),
        hint=_nearest(architecture, need, least),
    )


def _nearest(architecture: Architecture, need: _Need, least: Memory) -> str:
    """What would fit instead: the same model in four bits, or the largest of the catalogue."""
    from llmdeploy.sizing.catalogue.models import models

    hints = []
    four_bits = int(architecture.parameters * Q4_K_M_BITS / 8)
    saved = architecture.weight_bytes - four_bits
    if saved > architecture.weight_bytes // 10 and least.needed_bytes - saved <= least.available_bytes:
        hints.append(f"this model in Q4_K_M would fit (weights about {size_text(four_bits)})")
    for row in reversed([row for row in models() if row.files]):
        other = row.stored(row.files[0])
        memory = llamacpp_memory(other, _least_context(other, need), 1, least.available_bytes)
        if memory.fits and other.parameters < architecture.parameters:
            hints.append(f"--model {row.name} would fit ({size_text(memory.needed_bytes)})")
            break
    return ", or ".join(hints) or "free some memory, or take a machine with more"
