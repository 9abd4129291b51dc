"""The KV cache of vLLM: tokens in a pool, requests at once, and what several GPUs share."""

from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from llmdeploy.sizing.architecture import Architecture
from llmdeploy.sizing.catalogue.models import models
from llmdeploy.sizing.config import architecture_of_config
from llmdeploy.sizing.layout import divides
from llmdeploy.sizing.vllm.cache import Cache, cache_of, kv_bytes_per_token, kv_bytes_per_token_per_gpu
from llmdeploy.sizing.vllm.versions import PINNED, behaviour

from .shapes import GIB, LLAMA_8B
from .test_config import DEEPSEEK_V3, GEMMA_3_1B, GPT_OSS_20B, QWEN3_NEXT

MLA, WINDOWS, HYBRID = (architecture_of_config(one) for one in (DEEPSEEK_V3, GPT_OSS_20B, QWEN3_NEXT))
GEMMA = architecture_of_config(GEMMA_3_1B)
SHAPES = [row.architecture for row in models()]
BLOCK = 16


def cache(architecture: Architecture, available: float, version: tuple[int, int, int] = PINNED, **change: Any) -> Cache:
    how: dict[str, Any] = {
        "max_model_len": 4096, "batched_tokens": 2048, "bytes_per_number": 2, "tensor": 1, "pipeline": 1,
    }  # fmt: skip
    return cache_of(architecture, available, how=behaviour(version), **{**how, **change})


def test_a_pool_is_bytes_divided_by_bytes_of_a_token() -> None:
    found = cache(LLAMA_8B, 10 * GIB)
    assert found.tokens == 10 * GIB // 131_072 == 81_920
    assert found.requests == 20


def test_tokens_come_in_whole_blocks() -> None:
    assert cache(LLAMA_8B, 10 * GIB - 1).tokens == 81_920 - BLOCK
    assert cache(LLAMA_8B, BLOCK * 131_072).tokens == BLOCK
    assert cache(LLAMA_8B, BLOCK * 131_072 - 1) == Cache(0, 0.0)


@pytest.mark.parametrize("available", [0, -1.0, -5 * GIB])
def test_where_nothing_is_left_there_is_no_cache(available: float) -> None:
    assert cache(LLAMA_8B, available) == Cache(0, 0.0)
    assert cache(HYBRID, available) == Cache(0, 0.0)


def test_half_the_bytes_hold_twice_the_tokens() -> None:
    assert cache(LLAMA_8B, 10 * GIB, bytes_per_number=1).tokens == 2 * 81_920


@pytest.mark.parametrize(("tensor", "divided"), [(1, 1), (2, 2), (4, 4), (8, 8), (16, 8)])
def test_kv_heads_are_divided_as_far_as_there_are_any(tensor: int, divided: int) -> None:
    assert kv_bytes_per_token_per_gpu(LLAMA_8B, 2, tensor) == kv_bytes_per_token(LLAMA_8B) / divided
    assert cache(LLAMA_8B, GIB, tensor=tensor).tokens == 8192 * divided


@pytest.mark.parametrize("tensor", [1, 2, 8, 16])
def test_the_latent_of_mla_is_on_every_gpu_whole(tensor: int) -> None:
    assert kv_bytes_per_token_per_gpu(MLA, 2, tensor) == 70_272
    assert cache(MLA, GIB, tensor=tensor).tokens == GIB // 70_272 // BLOCK * BLOCK


@pytest.mark.parametrize(("pipeline", "layers"), [(2, 16), (3, 11), (5, 7)])
def test_the_stage_with_the_most_layers_counts(pipeline: int, layers: int) -> None:
    assert kv_bytes_per_token_per_gpu(LLAMA_8B, 2, 1, pipeline) == pytest.approx(layers * 4096)
    assert cache(LLAMA_8B, GIB, pipeline=pipeline).tokens == GIB // (layers * 4096) // BLOCK * BLOCK


def test_layers_with_a_window_share_the_pool_in_groups() -> None:
    """12 full layers and 12 that look back 128 tokens: two groups, each block 12 layers x 16 tokens x 2,048 bytes. A
    request of 4,096 tokens takes 256 blocks of the full group; the other keeps 127 + 2,048 tokens, 136 and 1 blocks."""
    blocks = GIB // (12 * BLOCK * 2048)
    found = cache(WINDOWS, GIB)
    assert found.requests == pytest.approx(blocks / (256 + 137))
    assert found.tokens == int(found.requests * 4096)
    before = cache(WINDOWS, GIB, (0, 20, 0))  # printed the pool, not whole requests
    assert before.requests == found.requests
    assert before.tokens == blocks // 2 * BLOCK


def test_uneven_numbers_of_layers_are_cut_into_groups_of_the_smaller() -> None:
    """4 full layers and 22 with a window of 512: groups of 4, one full and six with a window."""
    blocks = GIB // (4 * BLOCK * 1024)
    assert cache(GEMMA, GIB).requests == pytest.approx(blocks / (256 + 6 * (math.ceil((511 + 2048) / BLOCK) + 1)))


def test_windows_pay_with_long_requests() -> None:
    longer = {"max_model_len": 32_768}
    every_layer = GIB / kv_bytes_per_token(GEMMA) / 32_768
    assert cache(GEMMA, GIB, **longer).requests > 3 * every_layer
    assert cache(GEMMA, GIB, (0, 9, 1), **longer).requests == pytest.approx(every_layer, rel=0.01)  # not yet known


def test_layers_that_keep_a_state_take_a_block_a_request() -> None:
    """12 full layers and 36 with a state: one group and three, and a block as large as a state."""
    page = 2 * 2 * 256 * 2
    block = BLOCK * -(-HYBRID.state_bytes // 36 // (BLOCK * page))
    blocks = 4 * GIB // (12 * block * page)
    for length in (4096, 65_536):
        found = cache(HYBRID, 4 * GIB, max_model_len=length)
        assert found.requests == pytest.approx(blocks / (-(-length // block) + 3))


LENGTHS = st.sampled_from([1, 100, 4096, 32_768, 131_072])


@settings(max_examples=300, deadline=None)
@given(shape=st.sampled_from(SHAPES), gib=st.floats(0.001, 500), length=LENGTHS, tensor=st.sampled_from([1, 2, 4, 8]))
def test_more_memory_is_never_less_cache(shape: Architecture, gib: float, length: int, tensor: int) -> None:
    small, large = (cache(shape, gib * more * GIB, max_model_len=length, tensor=tensor) for more in (1, 2))
    assert 0 <= small.tokens <= large.tokens
    assert 0 <= small.requests <= large.requests


@settings(max_examples=300, deadline=None)
@given(shape=st.sampled_from(SHAPES), gib=st.floats(1, 500), length=LENGTHS)
def test_longer_requests_are_fewer(shape: Architecture, gib: float, length: int) -> None:
    short, long = (cache(shape, gib * GIB, max_model_len=length * more) for more in (1, 4))
    assert long.requests <= short.requests


@settings(max_examples=300, deadline=None)
@given(shape=st.sampled_from(SHAPES), tensor=st.sampled_from([1, 2, 4, 8]), pipeline=st.integers(1, 8))
def test_a_gpu_never_holds_less_than_its_share(shape: Architecture, tensor: int, pipeline: int) -> None:
    assume(divides(shape, tensor))
    whole = kv_bytes_per_token(shape)
    one = kv_bytes_per_token_per_gpu(shape, 2, tensor, pipeline)
    assert whole / tensor / pipeline * 0.999 <= one <= whole
