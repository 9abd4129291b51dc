"""Every row of the catalogue is complete and agrees with itself."""

from __future__ import annotations

import hashlib
import json
import re
from datetime import date
from importlib.resources import files

import pytest

from llmdeploy.sizing.architecture import architecture_of_gguf, dense_parameters
from llmdeploy.sizing.catalogue import CatalogueRow, resolve, rows, suggest
from llmdeploy.sizing.ggml import FILE_TYPES
from llmdeploy.sizing.gguf import read_gguf

from .shapes import DEMO

ROWS = rows()
each_row = pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
# Bits a weight: the mixture's own, up to what small hidden sizes and large vocabularies make of it.
BITS = {"Q4_K_M": (4.7, 8.0), "Q8_0": (8.4, 8.9)}


def test_what_the_first_guide_names_is_there() -> None:
    names = {row.name for row in ROWS}
    assert {"demo", "qwen3-0.6b", "qwen3-4b", "smollm2-135m", "llama-3.2-1b", "gemma-3-1b", "phi-4-mini"} <= names
    assert len(names) == len(ROWS) >= 30


def test_smallest_first_and_one_row_a_line() -> None:
    assert [row.parameters for row in ROWS] == sorted(row.parameters for row in ROWS)
    lines = (files("llmdeploy.sizing") / "catalogue.json").read_text().splitlines()
    assert [json.loads(line.rstrip(","))["name"] for line in lines[1:-1]] == [row.name for row in ROWS]


@each_row
def test_row_is_complete(row: CatalogueRow) -> None:
    assert re.fullmatch(r"[a-z0-9][a-z0-9.-]*", row.name)
    assert all((row.title, row.license, row.source))
    assert row.file.endswith(".gguf")
    assert date(2026, 1, 1) <= date.fromisoformat(row.date)
    assert row.bundled == (row.name == "demo")
    assert row.bundled or re.fullmatch(r"[\w.-]+/[\w.-]+", row.repository)
    assert row.quantization in FILE_TYPES.values()


@each_row
def test_hashes_are_well_formed(row: CatalogueRow) -> None:
    assert re.fullmatch(r"[0-9a-f]{64}|", row.sha256)
    assert re.fullmatch(r"[0-9a-f]{40}|", row.revision)


def test_hashes_are_not_shared() -> None:
    known = [row.sha256 for row in ROWS if row.sha256]
    assert len(known) == len(set(known))


@each_row
def test_size_agrees_with_the_quantization(row: CatalogueRow) -> None:
    least, most = BITS[row.quantization]
    assert least <= row.size_bytes * 8 / row.parameters <= most
    assert row.quantization.lower().replace("_", "") in row.file.lower().replace("_", "")


@each_row
def test_shape_agrees_with_the_parameters(row: CatalogueRow) -> None:
    counted = dense_parameters(
        layers=row.layers,
        hidden=row.hidden,
        heads=row.heads,
        kv_heads=row.kv_heads,
        head_dim=row.head_dim,
        ffn=row.ffn,
        vocabulary=row.vocabulary,
        tied=row.tied,
    )
    assert counted == pytest.approx(row.parameters, rel=0.001)
    assert row.heads % row.kv_heads == 0
    assert row.context >= 512


def test_the_bundled_row_is_the_bundled_file() -> None:
    row = resolve("demo")
    assert row
    with DEMO.open("rb") as stream:
        found = architecture_of_gguf(read_gguf(stream, row.size_bytes))
    shape = row.architecture()
    assert hashlib.sha256(DEMO.read_bytes()).hexdigest() == row.sha256
    assert (shape.layers, shape.kv_heads, shape.head_dim, shape.vocabulary, shape.context, shape.parameters) == (
        found.layers, found.kv_heads, found.head_dim, found.vocabulary, found.context, found.parameters,
    )  # fmt: skip


@pytest.mark.parametrize(
    "spelling", ["llama-3.2-1b", "Llama-3.2-1B-Instruct", "llama3.2:1b", "LLAMA_3.2_1B", " llama-3.2-1b "]
)
def test_usual_spellings(spelling: str) -> None:
    row = resolve(spelling)
    assert row
    assert row.name == "llama-3.2-1b"


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_every_name_finds_its_own_row(row: CatalogueRow) -> None:
    assert resolve(row.name) == row


@pytest.mark.parametrize("name", ["", "-", "nothing", "Qwen/Qwen3-0.6B-GGUF", "./demo", "demo/", "instruct", "qwen3"])
def test_what_is_no_short_name(name: str) -> None:
    assert resolve(name) is None


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
    assert near in suggest(name)
    assert len(suggest(name)) <= 3


def test_nothing_is_suggested_for_noise() -> None:
    assert suggest("zzzzzz") == []
    assert suggest("") == []
