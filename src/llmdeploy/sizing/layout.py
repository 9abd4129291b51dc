"""How a model is cut over devices: tensor parallelism within a layer, pipeline stages of layers."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from llmdeploy.sizing.architecture import Architecture

TENSOR = (1, 2, 4, 8, 16)  # what engines are run with; more leaves one machine


@dataclass(frozen=True, slots=True)
class Layout:
    tensor: int
    pipeline: int

    @property
    def devices(self) -> int:
        return self.tensor * self.pipeline


def divides(architecture: Architecture, tensor: int) -> bool:
    """Whether the heads can be divided: query heads evenly, KV heads evenly or each on several devices."""
    attentions = [block.attention for block in architecture.blocks if block.attention.heads]
    return all(
        one.heads % tensor == 0 and (one.latent or one.kv_heads % tensor == 0 or tensor % one.kv_heads == 0)
        for one in attentions
        if one.kv_heads
    )


def whole_layout(architecture: Architecture, count: int) -> Layout:
    """All `count` devices: as much tensor parallelism as the heads allow, the rest as stages."""
    tensor = max(one for one in range(1, count + 1) if count % one == 0 and divides(architecture, one))
    return Layout(tensor, count // tensor)


def layouts(architecture: Architecture, most: int) -> Iterator[Layout]:
    """Layouts of up to `most` devices, fewest first; within one machine tensor parallelism is quicker than stages."""
    tensors = [one for one in TENSOR if one <= most and divides(architecture, one)]
    found = {Layout(one, 1) for one in tensors} | {
        Layout(tensors[-1], stages) for stages in range(2, most // tensors[-1] + 1)
    }
    yield from sorted(found, key=lambda layout: (layout.devices, layout.pipeline))
