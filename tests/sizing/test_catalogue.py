"""A model, an accelerator or nothing: what names and usual spellings stand for."""

from __future__ import annotations

import hashlib

import pytest

from llmdeploy.sizing.catalogue.accelerators import accelerator, accelerators, similar_accelerators
from llmdeploy.sizing.catalogue.models import Model, find_model, models, short_name, similar_models
from llmdeploy.sizing.gguf import read_gguf
from llmdeploy.sizing.gguf_shape import architecture_of_gguf

from .shapes import DEMO

ROWS = models()


def test_the_bundled_row_is_the_bundled_file() -> None:
    row = short_name("demo")
    assert row
    assert row.bundled
    (file,) = row.files
    with DEMO.open("rb") as stream:
        found = architecture_of_gguf(read_gguf(stream, file.size_bytes))
    shape = row.architecture
    assert hashlib.sha256(DEMO.read_bytes()).hexdigest() == file.sha256
    assert (shape.blocks, shape.vocabulary, shape.context, shape.parameters) == (
        found.blocks, found.vocabulary, found.context, found.parameters,
    )  # fmt: skip
    assert row.stored(file).quantization == found.quantization


@pytest.mark.parametrize(
    "spelling", ["llama-3.2-1b", "Llama-3.2-1B-Instruct", "llama3.2:1b", "LLAMA_3.2_1B", " llama-3.2-1b "]
)
def test_usual_spellings(spelling: str) -> None:
    row = short_name(spelling)
    assert row
    assert row.name == "llama-3.2-1b"


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_every_name_finds_its_own_row(row: Model) -> None:
    assert short_name(row.name) == row
    for name in filter(None, (row.name, row.repository, *row.aliases)):
        named = find_model(name, ROWS)
        assert named
        assert (named.model.name, named.guessed) == (row.name, False)


@pytest.mark.parametrize("name", ["", "-", "nothing", "Qwen/Qwen3-0.6B-GGUF", "./demo", "demo/", "instruct", "qwen3"])
def test_what_is_no_short_name(name: str) -> None:
    assert short_name(name) is None


@pytest.mark.parametrize(
    ("name", "row", "quantization"),
    [
        ("somebody/Llama-3.1-8B-Instruct", "llama-3.1-8b", None),
        ("RedHatAI/Meta-Llama-3.1-8B-Instruct-FP8", "llama-3.1-8b", "fp8"),
        ("neuralmagic/Meta-Llama-3.1-8B-Instruct-quantized.w8a8", "llama-3.1-8b", "int8"),
        ("TheBloke/Llama-2-7B-Chat-AWQ", "llama-2-7b", "awq"),
        ("TheBloke/Llama-2-13B-chat-GPTQ", "llama-2-13b", "gptq"),
        ("somebody/gemma-3-4b-it", "gemma-3-4b", None),
        ("somebody/gemma-3-4b-it-4bit", "gemma-3-4b", "awq"),
    ],
)
def test_somebody_elses_repository_is_taken_by_its_name_and_that_is_said(
    name: str, row: str, quantization: str | None
) -> None:
    named = find_model(name, ROWS)
    assert named
    assert named.model.name == row
    assert (named.quantization.name if named.quantization else None) == quantization
    assert named.guessed


@pytest.mark.parametrize(
    ("name", "quantization"),
    [
        ("nvidia/NVIDIA-Nemotron-3-Nano-30B-A3B-FP8", "fp8"),
        ("google/gemma-3-4b-it", None),
        ("meta-llama/Llama-3.1-8B", None),
    ],
)
def test_a_publishers_second_repository_is_as_its_name_says(name: str, quantization: str | None) -> None:
    named = find_model(name, ROWS)
    assert named
    assert (named.quantization.name if named.quantization else None) == quantization
    assert not named.guessed


@pytest.mark.parametrize("name", ["somebody/my-own-model", "somebody/llama", "Qwen/", "/", "a/b/c"])
def test_what_no_model_is_called(name: str) -> None:
    assert find_model(name, ROWS) is None


@pytest.mark.parametrize(
    ("name", "near"),
    [
        ("qwen3-06b", "qwen3-0.6b"),
        ("lama-3.2-1b", "llama-3.2-1b"),
        ("qwen3", "qwen3-0.6b"),
        ("dmeo", "demo"),
        ("phi4", "phi-4-mini"),
    ],
)
def test_near_names(name: str, near: str) -> None:
    assert near in similar_models(name)
    assert len(similar_models(name)) <= 3


def test_nothing_is_suggested_for_noise() -> None:
    assert similar_models("zzzzzz") == []
    assert similar_models("") == []


@pytest.mark.parametrize(
    ("spelling", "name"),
    [
        ("h100", "h100-sxm"),
        ("H100-80GB", "h100-sxm"),
        ("nvidia-h100-80gb", "h100-sxm"),
        ("NVIDIA H100 80GB HBM3", "h100-sxm"),
        ("A10G", "a10g"),
        ("nvidia-a10g", "a10g"),
        ("L40S", "l40s"),
        ("NVIDIA-L4", "l4"),
        ("Tesla T4", "t4"),
        ("A100-40GB", "a100-40gb"),
        ("NVIDIA A100-SXM4-80GB", "a100-80gb"),
        ("RTX 4090", "rtx-4090"),
        ("NVIDIA GeForce RTX 4090", "rtx-4090"),
        ("MI300X", "mi300x"),
    ],
)
def test_spellings_of_accelerators(spelling: str, name: str) -> None:
    found = accelerator(spelling)
    assert found
    assert found.name == name


def test_every_spelling_of_an_accelerator_finds_its_own_row() -> None:
    rows = accelerators()
    wrong = [
        (row.name, name, found.name if found else None)
        for row in rows
        for name in (row.name, *row.aliases)
        if (found := accelerator(name, rows)) is None or found.name != row.name
    ]
    assert wrong == []


def test_near_accelerators() -> None:
    assert accelerator("h1000") is None
    assert any(name.startswith("h100") for name in similar_accelerators("h1000"))
    assert similar_accelerators("zzzzzz") == []
