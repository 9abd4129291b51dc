"""The shape of a model, from the header of its GGUF file."""

from __future__ import annotations

import io
import struct

import pytest

from llmdeploy.errors import StepError
from llmdeploy.sizing.architecture import Architecture
from llmdeploy.sizing.gguf import read_gguf
from llmdeploy.sizing.gguf_shape import architecture_of_gguf

from .shapes import DEMO, DEMO_SHAPE, gguf, pair_bools, pair_text, pair_texts, pair_u32, tensor, text


def of_gguf(*pairs: bytes) -> Architecture:
    data = gguf(list(pairs), [tensor("w", (32, 4), 8, 0)], data=4 * 34)
    return architecture_of_gguf(read_gguf(io.BytesIO(data), len(data)))


def gemma(*more: bytes, layers: int = 26, window: int = 512) -> Architecture:
    return of_gguf(
        pair_text("general.architecture", "gemma3"),
        pair_u32("general.file_type", 15),
        pair_u32("gemma3.block_count", layers),
        pair_u32("gemma3.embedding_length", 1152),
        pair_u32("gemma3.attention.head_count", 4),
        pair_u32("gemma3.attention.head_count_kv", 1),
        pair_u32("gemma3.attention.key_length", 256),
        pair_u32("gemma3.attention.value_length", 256),
        pair_u32("gemma3.feed_forward_length", 6912),
        pair_u32("gemma3.context_length", 32768),
        pair_u32("gemma3.attention.sliding_window", window),
        pair_texts("tokenizer.ggml.tokens", ["a"] * 7),
        *more,
    )


def test_the_embedded_model() -> None:
    with DEMO.open("rb") as stream:
        found = architecture_of_gguf(read_gguf(stream, DEMO.stat().st_size))
    assert found == DEMO_SHAPE


def test_gemma_keeps_a_window_in_five_of_six_layers() -> None:
    found = gemma()
    assert (found.sliding_window, found.sliding_layers, found.layers) == (512, 22, 26)
    assert (found.quantization, found.vocabulary, found.head_dim) == ("Q4_K_M", 7, 256)


def test_a_pattern_in_the_header_goes_first() -> None:
    pattern = pair_bools("gemma3.attention.sliding_window_pattern", [True, False, True, False])
    assert gemma(pattern, layers=4).sliding_layers == 2
    assert gemma(pair_u32("gemma3.attention.sliding_window_pattern", 2), layers=4).sliding_layers == 2
    assert gemma(window=0).sliding_layers == 0


def test_a_figure_per_layer_counts_as_the_largest() -> None:
    heads = text("gemma3.attention.head_count_kv") + struct.pack("<IIQ2I", 9, 4, 2, 1, 4)
    assert gemma(heads, layers=2).kv_heads == 4


def test_without_a_file_type_the_largest_tensors_name_it() -> None:
    header = [
        pair_text("general.architecture", "llama"),
        pair_u32("llama.block_count", 1),
        pair_u32("llama.embedding_length", 64),
        pair_u32("llama.attention.head_count", 2),
        pair_u32("llama.context_length", 128),
        pair_u32("llama.vocab_size", 9),
    ]
    found = of_gguf(*header)
    assert (found.quantization, found.kv_heads, found.head_dim, found.vocabulary) == ("Q8_0", 2, 32, 9)


@pytest.mark.parametrize(
    ("pairs", "said"),
    [
        ([], "does not name its architecture"),
        ([pair_text("general.architecture", "llama")], "does not say llama.block_count"),
        ([pair_text("general.architecture", "llama"), pair_u32("llama.block_count", 0)], "block_count: 0"),
        ([pair_text("general.architecture", "llama"), pair_text("llama.block_count", "x")], "block_count: 'x'"),
    ],
)
def test_what_is_missing_is_named(pairs: list[bytes], said: str) -> None:
    with pytest.raises(StepError, match=said):
        of_gguf(*pairs)
