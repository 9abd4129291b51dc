"""The shape of a model, from a GGUF header and from config.json."""

from __future__ import annotations

import io
import struct
from typing import Any

import pytest

from llmdeploy.errors import StepError
from llmdeploy.sizing.architecture import Architecture, architecture_of_config, architecture_of_gguf
from llmdeploy.sizing.gguf import read_gguf

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


LLAMA_1B: dict[str, Any] = {
    "model_type": "llama",
    "num_hidden_layers": 16,
    "hidden_size": 2048,
    "num_attention_heads": 32,
    "num_key_value_heads": 8,
    "head_dim": 64,
    "intermediate_size": 8192,
    "vocab_size": 128256,
    "max_position_embeddings": 131072,
    "tie_word_embeddings": True,
    "torch_dtype": "bfloat16",
}


def test_config_of_llama() -> None:
    found = architecture_of_config(LLAMA_1B, 2_471_628_800)
    assert found.parameters == 1_235_814_400  # as the model card gives it: 1.23 B
    assert (found.kv_heads, found.head_dim, found.quantization, found.weight_bytes) == (
        8,
        64,
        "bfloat16",
        2_471_628_800,
    )


def test_config_inside_a_multimodal_one() -> None:
    inner = {**LLAMA_1B, "model_type": "gemma3_text", "sliding_window": 1024, "num_hidden_layers": 34}
    found = architecture_of_config({"model_type": "gemma3", "text_config": inner}, 1)
    assert (found.family, found.layers, found.sliding_window, found.sliding_layers) == ("gemma3", 34, 1024, 29)


def test_config_window_that_is_not_used() -> None:
    found = architecture_of_config({**LLAMA_1B, "sliding_window": 4096, "use_sliding_window": False}, 1)
    assert (found.sliding_window, found.sliding_layers) == (0, 0)


def test_config_names_each_layer() -> None:
    layers = ["sliding_attention"] * 12 + ["full_attention"] * 4
    found = architecture_of_config({**LLAMA_1B, "sliding_window": 4096, "layer_types": layers}, 1)
    assert found.sliding_layers == 12


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"hidden_size": None}, "does not say hidden_size"),
        ({"hidden_size": "2048"}, "hidden_size: '2048'"),
        ({"num_hidden_layers": -1}, "num_hidden_layers: -1"),
        ({"num_hidden_layers": True}, "num_hidden_layers: True"),
        ({"vocab_size": 1e6}, "vocab_size: 1000000.0"),
        ({"num_local_experts": 8}, "mixtures of experts"),
    ],
)
def test_config_that_cannot_be(change: dict[str, Any], said: str) -> None:
    with pytest.raises(StepError, match=said):
        architecture_of_config({**LLAMA_1B, **change}, 1)
