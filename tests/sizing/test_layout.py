"""How a model is cut over devices."""

from __future__ import annotations

import pytest

from llmdeploy.sizing.architecture import dense_decoder
from llmdeploy.sizing.catalogue.models import models
from llmdeploy.sizing.config import architecture_of_config
from llmdeploy.sizing.layout import TENSOR, Layout, divides, layouts, whole_layout

from .shapes import LLAMA_8B
from .test_config import DEEPSEEK_V3, QWEN3_NEXT, QWEN_7B


@pytest.mark.parametrize(
    ("heads", "kv_heads", "fitting"),
    [
        (32, 8, [1, 2, 4, 8, 16]),
        (28, 4, [1, 2, 4]),  # Qwen2.5 7B: 28 heads are not divided by 8
        (14, 2, [1, 2]),
        (9, 3, [1]),
        (32, 1, [1, 2, 4, 8, 16]),  # each device holds the one KV head
        (40, 10, [1, 2]),  # Phi 3 medium: 10 KV heads are not divided by 4, nor 4 by 10
        (64, 4, [1, 2, 4, 8, 16]),
    ],
)
def test_heads_decide_over_tensor_parallelism(heads: int, kv_heads: int, fitting: list[int]) -> None:
    found = dense_decoder(
        family="llama", layers=2, hidden=64 * heads, heads=heads, kv_heads=kv_heads, head_dim=64, ffn=512,
        vocabulary=1000, context=512,
    )  # fmt: skip
    assert [one for one in TENSOR if divides(found, one)] == fitting


def test_mla_is_divided_by_its_query_heads_alone() -> None:
    found = architecture_of_config(DEEPSEEK_V3)
    assert all(divides(found, one) for one in TENSOR)
    assert not divides(found, 3)


def test_layers_without_a_cache_do_not_decide() -> None:
    assert divides(architecture_of_config(QWEN3_NEXT), 8)


@pytest.mark.parametrize(
    ("count", "tensor", "pipeline"), [(1, 1, 1), (2, 2, 1), (4, 4, 1), (8, 4, 2), (3, 1, 3), (6, 2, 3), (7, 7, 1)]
)
def test_all_devices_are_used(count: int, tensor: int, pipeline: int) -> None:
    found = whole_layout(architecture_of_config({**QWEN_7B, "num_key_value_heads": 4 if count != 7 else 28}), count)
    assert found == Layout(tensor, pipeline)
    assert found.devices == count


def test_fewest_devices_first() -> None:
    found = list(layouts(LLAMA_8B, 64))
    assert found[0] == Layout(1, 1)
    assert [one.devices for one in found] == sorted(one.devices for one in found)
    assert found[-1].devices <= 64
    assert len(set(found)) == len(found)


def test_stages_come_after_as_much_tensor_parallelism_as_there_is() -> None:
    assert list(layouts(architecture_of_config(QWEN_7B), 12)) == [
        Layout(1, 1), Layout(2, 1), Layout(4, 1), Layout(4, 2), Layout(4, 3),
    ]  # fmt: skip


@pytest.mark.parametrize("count", [1, 2, 3, 4, 5, 8, 16])
def test_every_model_of_the_catalogue_has_a_layout(count: int) -> None:
    for row in models():
        found = whole_layout(row.architecture, count)
        assert found.devices == count
        assert divides(row.architecture, found.tensor)
        assert all(one.devices <= count for one in layouts(row.architecture, count))
