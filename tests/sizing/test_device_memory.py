"""What a process sees of a device's memory, whoever's figure is given."""

from __future__ import annotations

from itertools import pairwise

import pytest

from llmdeploy.sizing.catalogue.accelerators import Accelerator, accelerator, accelerators
from llmdeploy.sizing.device_memory import visible_gib

BOTH = [row for row in accelerators() if row.torch_memory_gib]


def known(name: str) -> Accelerator:
    found = accelerator(name)
    assert found
    return found


@pytest.mark.parametrize("row", accelerators(), ids=lambda row: row.name)
def test_a_known_device_needs_no_figure(row: Accelerator) -> None:
    assert visible_gib(None, row) == row.visible_gib
    assert 0.9 * row.memory_gib < row.visible_gib <= row.memory_gib


@pytest.mark.parametrize("row", BOTH, ids=lambda row: row.name)
def test_the_drivers_figure_and_the_processs_mean_the_same(row: Accelerator) -> None:
    assert row.torch_memory_gib
    assert visible_gib(row.memory_gib, row) == pytest.approx(row.torch_memory_gib, rel=0.003)
    assert visible_gib(row.torch_memory_gib, row) == pytest.approx(row.torch_memory_gib, rel=0.003)


@pytest.mark.parametrize(
    ("name", "said", "seen"),
    [
        # `nvidia-smi` and `torch.cuda.get_device_properties`, or vLLM's log
        ("h100-sxm", 79.65, 79.2),
        ("h100-sxm", 79.11, 79.1),
        ("a100-80gb", 80.0, 79.2),
        ("a100-40gb", 40.0, 39.4),
        ("a10g", 22.49, 22.1),
        ("l4", 22.49, 22.1),
        ("rtx-4090", 23.99, 23.6),
        ("t4", 15.0, 14.6),
    ],
)
def test_figures_as_people_read_them_off(name: str, said: float, seen: float) -> None:
    assert visible_gib(said, known(name)) == pytest.approx(seen, rel=0.015)


def test_a_figure_alone_is_recognised() -> None:
    row = known("rtx-4090")
    assert visible_gib(row.memory_gib, None) == pytest.approx(row.visible_gib, rel=0.01)


@pytest.mark.parametrize("said", [0.01, 0.2, 5.0, 30.0, 61.7, 150.0, 500.0])
def test_of_an_unknown_device_a_little_is_held_back(said: float) -> None:
    seen = visible_gib(said, None)
    assert 0 <= seen <= said
    assert seen >= said * 0.97 - 0.3


def test_a_little_more_memory_is_never_seen_as_much_less() -> None:
    """Two figures that mean the same device lie close together: the larger one may be the driver's."""
    seen = [visible_gib(gib / 4, None) for gib in range(4, 800)]
    drops = [(a, b) for a, b in pairwise(seen) if b < a * 0.97]
    assert drops == []


def test_without_a_device_and_a_figure_there_is_no_answer() -> None:
    with pytest.raises(ValueError, match="neither"):
        visible_gib(None, None)


@pytest.mark.parametrize("row", accelerators(), ids=lambda row: row.name)
def test_the_round_figure_of_a_named_device_is_that_device(row: Accelerator) -> None:
    """An L4 is sold with 24 GB, its driver shows 22.5 GiB."""
    assert visible_gib(row.memory_gb, row) == row.visible_gib
