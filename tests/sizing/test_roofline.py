"""Speed: units, and that more work is never quicker."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from llmdeploy.sizing.architecture import Architecture
from llmdeploy.sizing.catalogue.accelerators import Accelerator, accelerator, accelerators
from llmdeploy.sizing.catalogue.models import models
from llmdeploy.sizing.config import architecture_of_config
from llmdeploy.sizing.load import Load, serve
from llmdeploy.sizing.quantization import QUANTIZATIONS, weight_bytes
from llmdeploy.sizing.roofline import Efficiency, Speed, efficiency_of

from .shapes import LLAMA_8B, llama_8b
from .test_config import DEEPSEEK_V3, GPT_OSS_20B, MIXTRAL, QWEN3_NEXT

BF16 = QUANTIZATIONS["bf16"]
PERFECT = Efficiency(compute=1, bandwidth=1, launch=0, step=0, sequence=0, link=1, hop=0)
SHAPES = [row.architecture for row in models()]
LLAMA_70B = llama_8b(layers=80, hidden=8192, heads=64, ffn=28672)


def device(name: str) -> Accelerator:
    found = accelerator(name)
    assert found
    return found


H100 = device("h100-sxm")


def speed(architecture: Architecture = LLAMA_8B, **change: Any) -> Speed:
    return Speed(**{"architecture": architecture, "quantization": BF16, "accelerator": H100, **change})


def test_a_step_of_one_request_reads_every_weight_once() -> None:
    """Llama 3.1 8B in 16 bits: 7.5 B numbers are multiplied, 15 GB at 3,350 GB/s are 4.5 ms."""
    read = 2 * (LLAMA_8B.active_parameters)
    one = speed(efficiency=PERFECT).decode_seconds(1, 0)
    assert one == pytest.approx(read / (H100.bandwidth_gb_s * 1e9))
    assert 0.0040 < one < 0.0050


def test_a_step_also_reads_the_cache_of_every_request() -> None:
    quick = speed(efficiency=PERFECT)
    cached = 8 * 1000 * 131_072
    assert quick.decode_seconds(8, 1000) - quick.decode_seconds(8, 0) == pytest.approx(
        cached / (H100.bandwidth_gb_s * 1e9), rel=0.01
    )


def test_a_long_prompt_costs_two_operations_a_parameter_and_token() -> None:
    tokens = 4096
    work = 2 * LLAMA_8B.active_parameters * tokens
    scores = 32 * 2 * (tokens / 2) * 32 * (128 + 128) * tokens
    peak = H100.peak_tflops("bf16") * 1e12
    assert speed(efficiency=PERFECT).prefill_seconds(tokens) == pytest.approx((work + scores) / peak)


def test_the_real_one_is_slower_than_the_data_sheet() -> None:
    for made in (speed(), speed(efficiency=efficiency_of(H100, "llamacpp"))):
        assert made.decode_seconds(1, 100) > speed(efficiency=PERFECT).decode_seconds(1, 100)
        assert made.prefill_seconds(1000) > speed(efficiency=PERFECT).prefill_seconds(1000)


@pytest.mark.parametrize("shape", [LLAMA_8B, *map(architecture_of_config, (MIXTRAL, DEEPSEEK_V3, GPT_OSS_20B))])
def test_touched_weights_grow_with_the_batch_up_to_all_of_them(shape: Architecture) -> None:
    made = speed(shape)
    touched = [made.touched_bytes(2**power) for power in range(12)]
    assert touched == sorted(touched)
    assert touched[0] == pytest.approx(2 * shape.active_parameters, rel=0.01)
    looked_up = 2 * (shape.embedding * bool(shape.head) + shape.tower)
    assert touched[-1] == pytest.approx(weight_bytes(shape, BF16) - looked_up, rel=0.01)


def test_a_window_bounds_what_is_read_and_a_state_does_not_grow() -> None:
    windows = speed(architecture_of_config(GPT_OSS_20B))
    growth = windows.cached_bytes(20_000) - windows.cached_bytes(10_000)
    assert growth == 12 * 8 * (64 + 64) * 2 * 10_000  # only the 12 layers without a window
    hybrid = speed(architecture_of_config(QWEN3_NEXT))
    assert hybrid.cached_bytes(0) == hybrid.architecture.state_bytes


def test_several_gpus_read_mla_several_times() -> None:
    mla = architecture_of_config(DEEPSEEK_V3)
    assert speed(mla, tensor=8).cached_bytes(1000) == 8 * speed(mla).cached_bytes(1000)
    assert speed(LLAMA_8B, tensor=8).cached_bytes(1000) == speed(LLAMA_8B).cached_bytes(1000)


BATCHES = st.floats(1, 512)
CONTEXTS = st.floats(1, 100_000)


@settings(max_examples=300, deadline=None)
@given(
    shape=st.sampled_from(SHAPES),
    kind=st.sampled_from(accelerators()),
    batch=BATCHES,
    context=CONTEXTS,
    tensor=st.sampled_from([1, 2, 4, 8]),
)
def test_more_work_is_never_quicker(
    shape: Architecture, kind: Accelerator, batch: float, context: float, tensor: int
) -> None:
    made = speed(shape, accelerator=kind, tensor=tensor, efficiency=efficiency_of(kind, "vllm"))
    step = made.decode_seconds(batch, context)
    assert step > 0
    assert made.decode_seconds(batch + 1, context) >= step
    assert made.decode_seconds(batch, context + 100) >= step
    assert made.prefill_seconds(context + 100) >= made.prefill_seconds(context) > 0


@settings(max_examples=200, deadline=None)
@given(shape=st.sampled_from(SHAPES), batch=BATCHES, context=CONTEXTS, factor=st.floats(1.1, 4))
def test_a_better_device_is_never_slower(shape: Architecture, batch: float, context: float, factor: float) -> None:
    made = speed(shape)
    faster = replace(H100, bandwidth_gb_s=H100.bandwidth_gb_s * factor)
    stronger = replace(H100, tflops={name: (one or 0) * factor for name, one in H100.tflops.items()})
    for better in (faster, stronger):
        assert speed(shape, accelerator=better).decode_seconds(batch, context) <= made.decode_seconds(batch, context)
        assert speed(shape, accelerator=better).prefill_seconds(context) <= made.prefill_seconds(context)


def test_tensor_parallelism_makes_a_large_model_quicker_but_not_as_often() -> None:
    one, two, eight = (speed(LLAMA_70B, tensor=tensor).decode_seconds(1, 1000) for tensor in (1, 2, 8))
    assert one / 2 < two < one
    assert one / 8 < eight < two


def test_a_slow_link_costs() -> None:
    slow = replace(H100, link="pcie", link_gb_s=64)
    assert speed(LLAMA_70B, tensor=8, accelerator=slow).prefill_seconds(4096) > speed(
        LLAMA_70B, tensor=8
    ).prefill_seconds(4096)


def test_stages_do_not_make_a_request_quicker() -> None:
    assert speed(LLAMA_70B, pipeline=4).decode_seconds(1, 1000) >= speed(LLAMA_70B).decode_seconds(1, 1000)


def test_fewer_bits_are_quicker_to_read() -> None:
    steps = [
        speed(quantization=QUANTIZATIONS[name]).decode_seconds(1, 100) for name in ("fp32", "bf16", "fp8", "q4_k_m")
    ]
    assert steps == sorted(steps, reverse=True)


# A load


def test_one_request_takes_its_prompt_and_its_steps() -> None:
    made = speed()
    found = serve(made, Load(1, 500, 100), 256)
    assert found.batch == 1
    assert found.ttft == pytest.approx(made.prefill_seconds(500))
    assert found.itl == pytest.approx(made.decode_seconds(1, 550))
    assert found.tokens_per_second == pytest.approx(100 / found.seconds)
    assert found.requests_per_second == pytest.approx(1 / found.seconds)


@settings(max_examples=300, deadline=None)
@given(
    shape=st.sampled_from(SHAPES), concurrency=st.integers(1, 500), prompt=st.integers(1, 20_000),
    output=st.integers(1, 4000), most=st.floats(0.5, 300),
)  # fmt: skip
def test_more_requests_are_served_more_slowly_each(
    shape: Architecture, concurrency: int, prompt: int, output: int, most: float
) -> None:
    made = speed(shape)
    less, more = (serve(made, Load(count, prompt, output), most) for count in (concurrency, concurrency + 1))
    assert 1 <= less.batch <= max(1, most)
    assert 0 < less.ttft <= more.ttft * 1.000001
    assert 0 < less.itl <= more.itl * 1.000001


def test_who_finds_no_place_waits_for_one() -> None:
    made = speed()
    served, queued = serve(made, Load(64, 500, 100), 64), serve(made, Load(128, 500, 100), 64)
    assert queued.batch == served.batch == 64
    assert queued.tokens_per_second == served.tokens_per_second
    assert queued.ttft == pytest.approx(served.ttft + served.seconds)
