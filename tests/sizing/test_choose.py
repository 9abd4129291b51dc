"""What is chosen for a workload and a machine, and what is said about it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from llmdeploy.errors import ExitCode, SpecError
from llmdeploy.sizing.architecture import Architecture
from llmdeploy.sizing.catalogue.models import models, short_name
from llmdeploy.sizing.choose import MOST_SLOTS, Sizing, choose
from llmdeploy.sizing.machine import Gpu, Machine
from llmdeploy.sizing.quantization import QUANTIZATIONS

from .shapes import DEMO_SHAPE, GIB, LLAMA_8B, MACHINE, machine_with

WORK: dict[str, Any] = {
    "concurrency": 4,
    "prompt_tokens": 1000,
    "output_tokens": 500,
    "max_memory": None,
    "max_threads": None,
}


def chosen(architecture: Architecture, machine: Machine = MACHINE, **change: Any) -> Sizing:
    return choose(architecture, machine, **{**WORK, **change})


def test_the_embedded_model_here() -> None:
    sizing = chosen(DEMO_SHAPE, prompt_tokens=200, output_tokens=100)
    assert (sizing.context, sizing.slots, sizing.threads) == (512, 4, 1)
    assert sizing.reasons == (
        "context 512: the model's maximum",
        "4 slots: workload.concurrency",
        "1 thread: 2 cores, one left for HTTP",
    )
    assert sizing.warnings == ()
    assert sizing.memory.fits


def test_context_has_headroom_and_is_rounded() -> None:
    sizing = chosen(LLAMA_8B)
    assert sizing.context == 2048
    assert sizing.reasons[0] == "context 2048: 1500 tokens a request and a quarter more"
    assert chosen(LLAMA_8B, prompt_tokens=10, output_tokens=10).context == 512


def test_a_workload_beyond_the_model_is_warned_about() -> None:
    sizing = chosen(DEMO_SHAPE)
    assert sizing.context == 512
    assert "asks for 1500 tokens a request, and the model's context is 512" in sizing.warnings[0]


def test_slots_shrink_before_context() -> None:
    sizing = chosen(LLAMA_8B, machine_with(5.6), concurrency=16)
    assert sizing.context == 2048
    assert 1 <= sizing.slots < 16
    assert sizing.reasons[1] == f"{sizing.slots} slots: what memory allows, of workload.concurrency 16"
    assert f"{16 - sizing.slots} of 16 requests at once will wait" in sizing.warnings[0]
    assert sizing.memory.fits


def test_then_the_context_shrinks_to_the_request() -> None:
    least = chosen(LLAMA_8B, max_memory=None, concurrency=1)
    limit = least.memory.needed_bytes - 1
    sizing = chosen(LLAMA_8B, concurrency=1, max_memory=limit)
    assert sizing.context == 1536
    assert sizing.reasons[0] == "context 1536: what a request needs and no more, because memory is short"
    assert sizing.memory.available_bytes == limit


def test_too_large_says_needed_free_and_what_fits() -> None:
    machine = replace(machine_with(2.0), limits=("cgroup memory limit 2.0 GiB",))
    with pytest.raises(SpecError) as caught:
        chosen(LLAMA_8B, machine)
    assert caught.value.exit_code == ExitCode.SPEC
    (problem,) = caught.value.problems
    assert problem.path == "model.id"
    assert problem.message == (
        "the model needs 5.0 GiB at the least (weights 4.6 GiB), and 2.0 GiB is free (cgroup memory limit 2.0 GiB)"
    )
    assert problem.hint == "--model granite-3.1-2b would fit (1.7 GiB)"


def test_the_users_limit_is_named_where_it_binds() -> None:
    with pytest.raises(SpecError) as caught:
        chosen(LLAMA_8B, max_memory=GIB)
    (problem,) = caught.value.problems
    assert problem.path == "resources.memory"
    assert problem.message.endswith("and 1.0 GiB is the limit set here")


def test_a_smaller_quantization_is_offered() -> None:
    with pytest.raises(SpecError) as caught:
        chosen(replace(LLAMA_8B, weight_bytes=16_060_000_000, quantization="BF16"), machine_with(8))
    assert "this model in Q4_K_M would fit (weights about 4.6 GiB), or --model" in caught.value.problems[0].hint


def test_nothing_fits_at_all() -> None:
    with pytest.raises(SpecError) as caught:
        chosen(DEMO_SHAPE, replace(MACHINE, memory_available=20 << 20))
    assert caught.value.problems[0].hint == "free some memory, or take a machine with more"


def test_our_own_running_engine_counts_as_free() -> None:
    with pytest.raises(SpecError):
        chosen(LLAMA_8B, machine_with(2))
    assert chosen(LLAMA_8B, machine_with(2), already_used=5 * GIB).memory.available_bytes == 7 * GIB


@pytest.mark.parametrize(
    ("cores", "physical", "parameters", "limit", "threads", "why"),
    [
        (2.0, 2, 10**7, None, 1, "1 thread: 2 cores, one left for HTTP"),
        (2.0, 2, 10**10, None, 2, "2 threads: 2 cores"),
        (16.0, 8, 10**10, None, 8, "8 threads: 8 cores"),
        (16.0, 8, 10**7, None, 7, "7 threads: 8 cores, one left for HTTP"),
        (1.5, 8, 10**10, None, 1, "1 thread: 1 core"),
        (0.5, 8, 10**7, None, 1, "1 thread: 1 core"),
        (16.0, 8, 10**10, 3, 3, "3 threads: the limit that was set, of 8 cores"),
        (4.0, 4, 10**10, 64, 4, "4 threads: 4 cores"),
    ],
)
def test_threads(cores: float, physical: int, parameters: int, limit: int | None, threads: int, why: str) -> None:
    machine = replace(MACHINE, cores=cores, physical_cores=physical)
    sizing = chosen(replace(DEMO_SHAPE, counted=parameters), machine, max_threads=limit)
    assert (sizing.threads, sizing.reasons[2]) == (threads, why)


def test_slots_have_a_ceiling() -> None:
    sizing = chosen(DEMO_SHAPE, concurrency=1000)
    assert sizing.slots == MOST_SLOTS
    assert sizing.reasons[1] == "64 slots: the most that one engine gets, of workload.concurrency 1000"


def test_an_old_cpu_is_warned_about() -> None:
    assert "AVX2" in chosen(LLAMA_8B, replace(MACHINE, instruction_sets=("avx",))).warnings[-1]
    assert chosen(LLAMA_8B, replace(MACHINE, instruction_sets=("asimd",), architecture="aarch64")).warnings == ()


def test_vllm_counts_the_gpu() -> None:
    machine = replace(MACHINE, memory_available=GIB, gpus=(Gpu("L4", 24 * GIB, 23 * GIB, "550"),))
    sizing = chosen(replace(LLAMA_8B, weight_bytes=16_060_000_000), machine, engine="vllm")
    assert sizing.memory.available_bytes == int(23 * GIB * 0.9)
    with pytest.raises(SpecError):
        chosen(LLAMA_8B, machine)  # llama.cpp's wheel computes on the CPU


def chosen_or_none(*args: Any, **change: Any) -> Sizing | None:
    try:
        return chosen(*args, **change)
    except SpecError:
        return None


STORED = [row.stored(row.files[0]) if row.files else row.in_(QUANTIZATIONS["q4_k_m"]) for row in models()]


@settings(max_examples=300, deadline=None)
@given(
    architecture=st.sampled_from(STORED),
    free=st.integers(0, 64 * GIB),
    concurrency=st.integers(1, 200),
    prompt=st.integers(1, 50_000),
    output=st.integers(1, 8_000),
    limit=st.one_of(st.none(), st.integers(1, 64 * GIB)),
    threads=st.one_of(st.none(), st.integers(1, 256)),
)
def test_a_choice_always_fits_and_keeps_the_limits(
    architecture: Architecture,
    free: int,
    concurrency: int,
    prompt: int,
    output: int,
    limit: int | None,
    threads: int | None,
) -> None:
    machine = replace(MACHINE, memory_available=free, memory_total=64 * GIB, cores=8.0, physical_cores=4)
    sizing = chosen_or_none(
        architecture,
        machine,
        concurrency=concurrency,
        prompt_tokens=prompt,
        output_tokens=output,
        max_memory=limit,
        max_threads=threads,
    )
    if sizing is None:
        return
    assert sizing.memory.fits
    assert sizing.memory.needed_bytes <= min(free, limit or free)
    assert 1 <= sizing.slots <= min(concurrency, MOST_SLOTS)
    assert 1 <= sizing.threads <= min(4, threads or 4)
    assert sizing.context <= architecture.context
    assert sizing.context >= min(architecture.context, prompt + output)


def test_what_the_hint_names_really_fits() -> None:
    machine = machine_with(3.0)
    with pytest.raises(SpecError) as caught:
        chosen(LLAMA_8B, machine)
    name = caught.value.problems[0].hint.split("--model ")[1].split()[0]
    row = short_name(name)
    assert row
    assert chosen(row.stored(row.files[0]), machine).memory.fits
