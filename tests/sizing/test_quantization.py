"""Names of quantizations, what config.json says about them, and how large weights get."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from llmdeploy.sizing.architecture import Architecture
from llmdeploy.sizing.catalogue.models import GgufFile, Model, models
from llmdeploy.sizing.catalogue.names import said_by
from llmdeploy.sizing.ggml import FILE_TYPES
from llmdeploy.sizing.quantization import (
    QUANTIZATIONS,
    kv_bytes,
    published_quantization,
    quantization,
    weight_bytes,
)
from llmdeploy.spec.fields import QUANTIZATIONS as OF_THE_SPEC

from .shapes import LLAMA_8B

# Below 50 million parameters the header (vocabulary, merges) is a large part of the file.
FILES = [(row, file) for row in models() for file in row.files if row.parameters > 50_000_000]


@pytest.mark.parametrize(
    ("spelling", "name"),
    [
        ("Q4_K_M", "q4_k_m"),
        ("q4-k-m", "q4_k_m"),
        ("bfloat16", "bf16"),
        ("BF16", "bf16"),
        (" float16 ", "fp16"),
        ("half", "fp16"),
        ("float32", "fp32"),
        ("FP8", "fp8"),
        ("fp8_e4m3", "fp8"),
        ("W8A8", "int8"),
        ("W4A16", "gptq"),
        ("AWQ", "awq"),
        ("awq_marlin", "awq"),
        ("GPTQ-Int4", "gptq"),
        ("gptq_int8", "gptq-int8"),
        ("bitsandbytes", "nf4"),
        ("bnb_4bit", "nf4"),
        ("MXFP4", "mxfp4"),
        ("modelopt_fp4", "nvfp4"),
        ("Q8_0", "q8_0"),
        ("IQ4_XS", "iq4_xs"),
    ],
)
def test_usual_spellings(spelling: str, name: str) -> None:
    found = quantization(spelling)
    assert found
    assert found.name == name


@pytest.mark.parametrize("name", ["", "q9_9", "best", "4"])
def test_what_is_none(name: str) -> None:
    assert quantization(name) is None


@pytest.mark.parametrize("name", [name for name in OF_THE_SPEC if name != "auto"])
def test_every_quantization_of_the_spec_is_known(name: str) -> None:
    assert quantization(name)


@pytest.mark.parametrize("name", sorted(set(FILE_TYPES.values())))
def test_every_type_of_a_gguf_header_is_known(name: str) -> None:
    assert quantization(name)


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("TheBloke/Llama-2-7B-Chat-AWQ", "awq"),
        ("RedHatAI/Qwen2.5-7B-Instruct-FP8-dynamic", "fp8"),
        ("RedHatAI/Qwen2.5-7B-Instruct-quantized.w8a8", "int8"),
        ("Qwen/Qwen2.5-7B-Instruct-GPTQ-Int4", "gptq"),
        ("Qwen/Qwen2.5-7B-Instruct-GPTQ-Int8", "gptq-int8"),
        ("nvidia/Llama-3.3-70B-Instruct-FP4", "nvfp4"),
        ("meta-llama/Llama-3.1-8B-Instruct", ""),
        ("google/gemma-3-4b-it", ""),
        ("unsloth/gemma-3-12b-it-bnb-4bit", "nf4"),
        ("mlx-community/Qwen3-4B-4bit", "awq"),
        ("AWQ", ""),
    ],
)
def test_what_the_end_of_a_name_says(name: str, said: str) -> None:
    assert said_by(name).quantization == said


def compressed(weights: dict[str, Any], activations: dict[str, Any] | None = None) -> dict[str, Any]:
    """A config as llm-compressor writes it."""
    group = {"targets": ["Linear"], "weights": weights, "input_activations": activations}
    return {"quant_method": "compressed-tensors", "config_groups": {"group_0": group}, "ignore": ["lm_head"]}


INT8, FP8 = {"num_bits": 8, "type": "int"}, {"num_bits": 8, "type": "float"}


@pytest.mark.parametrize(
    ("said", "name"),
    [
        (compressed(FP8, FP8), "fp8"),
        (compressed(FP8), "fp8"),
        (compressed(INT8, INT8), "int8"),
        (compressed(INT8), "gptq-int8"),
        (compressed({"num_bits": 4, "type": "int", "group_size": 128}), "gptq"),
        (compressed({"num_bits": 4, "type": "float", "group_size": 16}, {"num_bits": 4}), "nvfp4"),
        ({"quant_method": "gptq", "bits": 4, "group_size": 128}, "gptq"),
        ({"quant_method": "gptq", "bits": 8}, "gptq-int8"),
        ({"quant_method": "awq", "bits": 4}, "awq"),
        ({"quant_method": "fp8", "weight_block_size": [128, 128]}, "fp8"),
        ({"quant_method": "fbgemm_fp8"}, "fbgemm-fp8"),
        ({"quant_method": "mxfp4"}, "mxfp4"),
        ({"quant_method": "bitsandbytes", "load_in_4bit": True}, "nf4"),
        ({"quant_method": "bitsandbytes", "load_in_8bit": True}, "int8"),
        ({"quant_method": "modelopt", "quant_algo": "NVFP4"}, "nvfp4"),
        ({"quant_method": "modelopt", "quant_algo": "FP8"}, "fp8"),
    ],
)
def test_what_a_config_says(said: dict[str, Any], name: str) -> None:
    assert published_quantization({"torch_dtype": "bfloat16", "quantization_config": said}).name == name
    inner = {"text_config": {"quantization_config": said}}
    assert published_quantization(inner).name == name


@pytest.mark.parametrize(
    ("config", "name"),
    [
        ({"torch_dtype": "bfloat16"}, "bf16"),
        ({"dtype": "float16"}, "fp16"),
        ({"text_config": {"torch_dtype": "float32"}}, "fp32"),
        ({"quantization_config": None, "torch_dtype": "float16"}, "fp16"),
        ({"torch_dtype": None}, "bf16"),
        ({}, "bf16"),
    ],
)
def test_without_a_method_the_dtype_counts(config: dict[str, Any], name: str) -> None:
    assert published_quantization(config).name == name


# Conversions by Qwen hold the embedding a second time, as head.
TWICE = ("qwen2.5-0.5b", "qwen2.5-1.5b", "qwen2.5-3b")
K_BLOCK = (
    256  # weights of one row that a k-quant packs together; llama.cpp takes a wider type where rows are no multiple
)


def held(row: Model, file: GgufFile) -> Architecture:
    """What the file holds: what reads pictures is left out."""
    shape = row.stored(file)
    return replace(shape, tower=0, head=shape.embedding if row.name in TWICE else shape.head)


def as_computed(row: Model, file: GgufFile) -> int:
    found = quantization(file.quantization)
    assert found
    assert found.gguf
    return weight_bytes(held(row, file), found)


def packs_evenly(row: Model, file: GgufFile) -> bool:
    return "K" not in file.quantization or row.architecture.hidden % K_BLOCK == 0


EVEN = [(row, file) for row, file in FILES if packs_evenly(row, file)]
UNEVEN = [(row, file) for row, file in FILES if not packs_evenly(row, file)]


@pytest.mark.parametrize(("row", "file"), EVEN, ids=[file.file for _, file in EVEN])
def test_weights_are_as_large_as_real_files(row: Model, file: GgufFile) -> None:
    assert as_computed(row, file) == pytest.approx(file.size_bytes, rel=0.04)


@pytest.mark.parametrize(("row", "file"), UNEVEN, ids=[file.file for _, file in UNEVEN])
def test_a_width_that_k_quants_do_not_divide_is_only_near(row: Model, file: GgufFile) -> None:
    assert as_computed(row, file) == pytest.approx(file.size_bytes, rel=0.25)


def test_most_files_are_compared_closely() -> None:
    assert len(EVEN) >= 29
    assert len(UNEVEN) / len(FILES) <= 0.15


@pytest.mark.parametrize(
    ("name", "gigabytes"),
    [
        # safetensors on the hub: meta-llama/Llama-3.1-8B-Instruct, and RedHatAI's and hugging-quants' of it
        ("bf16", 16.06),
        ("fp8", 9.08),
        ("int8", 9.08),
        ("gptq", 5.74),
        ("awq", 5.73),
    ],
)
def test_weights_of_llama_8b(name: str, gigabytes: float) -> None:
    assert weight_bytes(LLAMA_8B, QUANTIZATIONS[name]) / 1e9 == pytest.approx(gigabytes, rel=0.015)


def test_full_width_is_parameters_times_bytes() -> None:
    for row in models():
        shape = replace(row.architecture, counted=0)
        assert weight_bytes(shape, QUANTIZATIONS["bf16"]) == 2 * shape.parameters
        assert weight_bytes(shape, QUANTIZATIONS["fp32"]) == 4 * shape.parameters


def test_fewer_bits_are_fewer_bytes() -> None:
    order = ["fp32", "bf16", "q8_0", "q6_k", "q5_k_m", "q4_k_m", "q3_k_m", "q2_k", "iq2_xxs"]
    sizes = [weight_bytes(LLAMA_8B, QUANTIZATIONS[name]) for name in order]
    assert sizes == sorted(sizes, reverse=True)
    assert len(set(sizes)) == len(sizes)


def test_loss_grows_as_bits_shrink() -> None:
    gguf = sorted((one for one in QUANTIZATIONS.values() if one.name.startswith("q")), key=lambda one: -one.linear)
    order = [one.loss for one in gguf if one.name.endswith(("_k_m", "q8_0", "q6_k", "q2_k"))]
    assert order == sorted(order)


@pytest.mark.parametrize(
    ("name", "weights", "size"),
    [
        ("auto", "bf16", 2),
        ("auto", "q4_k_m", 2),
        ("auto", "fp8", 2),
        ("auto", "fp32", 4),
        ("fp8", "bf16", 1),
        ("fp8_e5m2", "bf16", 1),
        ("FP8_E4M3", "bf16", 1),
        ("bfloat16", "fp32", 2),
        ("q8_0", "q4_k_m", 34 / 32),
        ("q4_0", "q4_k_m", 18 / 32),
    ],
)
def test_bytes_of_a_cached_number(name: str, weights: str, size: float) -> None:
    assert kv_bytes(name, QUANTIZATIONS[weights]) == size


def test_a_cache_type_that_is_not_known() -> None:
    assert kv_bytes("q17", QUANTIZATIONS["bf16"]) is None
