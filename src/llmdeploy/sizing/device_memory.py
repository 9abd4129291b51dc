"""What a process sees of a device's memory, from what somebody says about it."""

from __future__ import annotations

from typing import Final

from llmdeploy.sizing.catalogue.accelerators import Accelerator, accelerators

NEAR: Final = 0.0015  # figures of one device differ by less between driver versions
HELD_SHARE, HELD_GIB = 0.004, 0.25  # what a CUDA context and the driver hold, where the device is not known


def visible_gib(memory_gib: float | None, accelerator: Accelerator | None) -> float:
    """GiB that a process sees of one device.

    `memory_gib` is the driver's figure (`nvidia-smi`), or already the process's (`torch.cuda`, vLLM's log): whichever
    of a known device's two figures it equals; or of a named device the round figure that it is sold with.
    """
    if memory_gib is None:
        if accelerator is None:
            raise ValueError("neither a device nor its memory is given")
        return accelerator.visible_gib
    if accelerator and memory_gib == accelerator.memory_gb:
        return accelerator.visible_gib
    for one in (accelerator,) if accelerator else accelerators():
        if one.torch_memory_gib and _near(memory_gib, one.torch_memory_gib):
            return memory_gib
        if _near(memory_gib, one.memory_gib):
            return memory_gib * one.visible_gib / one.memory_gib
    if accelerator and 0.97 < memory_gib / accelerator.visible_gib < 1:
        return memory_gib
    return max(0.0, memory_gib * (1 - HELD_SHARE) - HELD_GIB)


def _near(one: float, other: float) -> bool:
    return abs(one / other - 1) < NEAR
