"""Every row of the catalogue is complete, has its source, and agrees with itself."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterable
from datetime import date
from pathlib import Path

import pytest

from llmdeploy.sizing.catalogue import rows as catalogue_rows
from llmdeploy.sizing.catalogue.accelerators import Accelerator, accelerators
from llmdeploy.sizing.catalogue.instances import Instance, instances
from llmdeploy.sizing.catalogue.models import GgufFile, Model, models
from llmdeploy.sizing.catalogue.names import said_by
from llmdeploy.sizing.catalogue.rows import key_of
from llmdeploy.sizing.config import known_family
from llmdeploy.sizing.ggml import FILE_TYPES
from llmdeploy.sizing.quantization import quantization

FOLDER = Path(catalogue_rows.__file__).parent
PUBLISHED = Path(__file__).parent / "published"
MODELS, ACCELERATORS, INSTANCES = models(), accelerators(), instances()
FILES = [(row, file) for row in MODELS for file in row.files]

each_model = pytest.mark.parametrize("row", MODELS, ids=lambda row: row.name)
each_file = pytest.mark.parametrize(("row", "file"), FILES, ids=[file.file for _, file in FILES])
each_accelerator = pytest.mark.parametrize("row", ACCELERATORS, ids=lambda row: row.name)
each_instance = pytest.mark.parametrize("row", INSTANCES, ids=lambda row: f"{row.cloud}-{row.name}")

FORMATS = {"fp32", "fp16", "bf16", "fp8", "int8", "fp4"}
# Names that read alike without endings and mean different models would be taken for one another.
CLASHES = "two rows answer to it"


def is_dated(row: Model | Accelerator | Instance | GgufFile) -> bool:
    return bool(row.source.strip()) and date(2026, 1, 1) <= date.fromisoformat(row.date)


def clashing(names: Iterable[tuple[str, str]]) -> dict[str, set[str]]:
    """Key -> the rows that claim it, where more than one does."""
    claimed: dict[str, set[str]] = {}
    for key, row in names:
        claimed.setdefault(key, set()).add(row)
    return {key: rows for key, rows in claimed.items() if len(rows) > 1}


@pytest.mark.parametrize(("kind", "least"), [("models", 90), ("accelerators", 45), ("instances", 120)])
def test_the_files_have_one_row_a_line(kind: str, least: int) -> None:
    lines = (FOLDER / f"{kind}.json").read_text("utf-8").splitlines()
    names = [json.loads(line.rstrip(","))["name"] for line in lines[1:-1]]
    assert names == [row["name"] for row in catalogue_rows.read_rows(kind)]
    assert len(names) >= least


# Models


def test_what_the_first_guide_names_is_there() -> None:
    names = {row.name for row in MODELS if row.files}
    assert {"demo", "qwen3-0.6b", "qwen3-4b", "smollm2-135m", "llama-3.2-1b", "gemma-3-1b", "phi-4-mini"} <= names


def test_models_are_in_order_and_no_name_means_two() -> None:
    assert [row.parameters for row in MODELS] == sorted(row.parameters for row in MODELS)
    spelled = [(row.name, (row.name, row.repository, *row.aliases)) for row in MODELS]
    assert clashing((key_of(one), name) for name, all_ in spelled for one in all_ if one) == {}
    bare = clashing((said_by(one).bare, name) for name, all_ in spelled for one in all_ if one)
    assert bare == {}, CLASHES


@each_model
def test_a_model_is_complete(row: Model) -> None:
    assert re.fullmatch(r"[a-z0-9][a-z0-9.-]*", row.name)
    assert all((row.title, row.license, row.config))
    assert is_dated(row)
    assert row.bundled == (row.name == "demo")
    assert row.bundled or re.fullmatch(r"[\w.-]+/[\w.-]+", row.repository)
    assert re.fullmatch(r"20\d\d-(0[1-9]|1[0-2])", row.released)
    assert quantization(row.dtype)
    assert known_family(row.config)


@each_model
def test_a_model_has_a_possible_shape(row: Model) -> None:
    shape = row.architecture
    assert 1 <= shape.layers <= 200
    assert shape.context >= 512
    assert shape.heads % max(1, shape.kv_heads) == 0
    assert 0 < shape.active_parameters <= shape.parameters
    assert shape.mixture == (shape.routed > 0)


@each_model
def test_scores_are_of_a_hundred_and_have_a_source(row: Model) -> None:
    scores = [one for one in (row.mmlu, row.mmlu_pro) if one is not None]
    assert all(10 <= score <= 100 for score in scores)
    assert not scores or row.quality_source


def test_parameters_are_the_publishers() -> None:
    """Within 0.5 %; where the published figure counts a layer that serving leaves out (multi-token prediction), against
    the count of the layers that are served."""
    counted = {one["name"]: one for one in json.loads((PUBLISHED / "parameters.json").read_text("utf-8"))}
    off = {}
    exact = [row for row in MODELS if row.parameters_exact]
    for row in exact:
        served = counted.get(row.name, {}).get("parameters_transformers") if "MTP" in row.config_note else None
        off[row.name] = row.architecture.parameters / (served or row.parameters) - 1
    worst = sorted(((abs(error), name) for name, error in off.items()), reverse=True)
    near = sum(error <= 0.005 for error, _ in worst)
    assert len(exact) >= 90
    assert near / len(worst) >= 0.95, worst[:20]


def test_rounded_figures_of_publishers_are_near() -> None:
    rounded = [row for row in MODELS if not row.parameters_exact]
    wrong = [
        (row.name, row.parameters, row.architecture.parameters)
        for row in rounded
        if not 0.97 <= row.architecture.parameters / row.parameters <= 1.03
    ]
    assert wrong == []


@each_file
def test_a_gguf_file_is_complete(row: Model, file: GgufFile) -> None:
    assert is_dated(file)
    assert file.file.endswith(".gguf")
    assert re.fullmatch(r"[0-9a-f]{64}|", file.sha256)
    assert re.fullmatch(r"[0-9a-f]{40}|", file.revision)
    assert row.bundled or re.fullmatch(r"[\w.-]+/[\w.-]+", file.repository)
    assert file.quantization in FILE_TYPES.values()
    assert file.quantization.lower().replace("_", "") in file.file.lower().replace("_", "")


def test_hashes_and_files_are_not_shared() -> None:
    hashes = [file.sha256 for _, file in FILES if file.sha256]
    assert len(hashes) == len(set(hashes))
    assert [key for key, count in Counter((f.repository, f.file) for _, f in FILES).items() if count > 1] == []


# Accelerators


def test_no_spelling_means_two_accelerators() -> None:
    names = [(key_of(one), row.name) for row in ACCELERATORS for one in {row.name, *row.aliases}]
    assert clashing(names) == {}
    assert len({row.name for row in ACCELERATORS}) == len(ACCELERATORS)
    assert len({row.title for row in ACCELERATORS}) == len(ACCELERATORS)


@each_accelerator
def test_an_accelerator_is_complete(row: Accelerator) -> None:
    assert re.fullmatch(r"[a-z0-9][a-z0-9.-]*", row.name)
    assert row.title
    assert is_dated(row)
    assert set(row.tflops) == FORMATS
    assert row.vendor == "nvidia" or row.compute_capability is None or row.vendor == "amd"
    assert row.list_price_usd is None or row.price_note


@each_accelerator
def test_an_accelerators_figures_are_possible(row: Accelerator) -> None:
    assert 0.85 <= row.memory_gib * 2**30 / (row.memory_gb * 1e9) <= 1.08  # GB of 10^9 as sold, GiB as shown
    assert row.torch_memory_gib is None or 0.95 <= row.torch_memory_gib / row.memory_gib <= 1
    assert 10 <= row.bandwidth_gb_s <= 40_000
    assert row.peak_tflops("bf16") > 0
    assert all(figure is None or 0.01 <= figure <= 50_000 for figure in row.tflops.values())
    assert row.power_w is None or 5 <= row.power_w <= 3_000
    assert row.link_gb_s is None or 10 <= row.link_gb_s <= 10_000
    assert row.list_price_usd is None or 50 <= row.list_price_usd <= 500_000


@each_accelerator
def test_narrower_numbers_are_not_slower(row: Accelerator) -> None:
    order = [row.tflops[one] for one in ("fp32", "bf16", "fp8", "fp4") if row.tflops[one]]
    assert order == sorted(order)


# Instances


def test_no_instance_is_there_twice() -> None:
    names = Counter((row.cloud, row.name) for row in INSTANCES)
    assert [name for name, count in names.items() if count > 1] == []
    assert {row.cloud for row in INSTANCES} == {"aws", "azure", "gcp"}


@each_instance
def test_an_instance_is_complete(row: Instance) -> None:
    assert is_dated(row)
    assert bool(row.accelerator) == bool(row.count)
    assert row.accelerator in {"", *(one.name for one in ACCELERATORS)}
    assert row.region
    assert row.price_date is None or re.fullmatch(r"20\d\d(-\d\d){0,2}", row.price_date)
    assert row.on_demand_usd_hour is None or row.price_date


@each_instance
def test_an_instances_figures_are_possible(row: Instance) -> None:
    assert 1 <= row.vcpus <= 512
    assert 1 <= row.memory_gib <= 32_768
    assert 0 <= row.count <= 64
    assert 0 < row.accelerator_fraction <= 1
    assert row.on_demand_usd_hour is None or 0.01 <= row.on_demand_usd_hour <= 500
    if row.spot_usd_hour is not None and row.on_demand_usd_hour is not None:
        assert row.spot_usd_hour < row.on_demand_usd_hour


def test_most_prices_are_known() -> None:
    priced = [row for row in INSTANCES if row.on_demand_usd_hour is not None]
    assert len(priced) / len(INSTANCES) >= 0.9


def test_a_larger_machine_of_one_kind_is_not_cheaper() -> None:
    """Per accelerator of one cloud, region and kind: twice the devices cost at least 1.5 times as much."""
    cheapest: dict[tuple[str, str, str, float], dict[int, float]] = {}
    for row in INSTANCES:
        if row.accelerator and row.on_demand_usd_hour:
            prices = cheapest.setdefault((row.cloud, row.region, row.accelerator, row.accelerator_fraction), {})
            prices[row.count] = min(row.on_demand_usd_hour, prices.get(row.count, row.on_demand_usd_hour))
    wrong = [
        (kind, count, price, 2 * count, prices[2 * count])
        for kind, prices in cheapest.items()
        for count, price in prices.items()
        if 2 * count in prices and prices[2 * count] < 1.5 * price
    ]
    assert wrong == []
