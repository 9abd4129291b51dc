"""In which order boxes of the edge change."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from llmdeploy.plan import HostPlan

CANARY, REST = "canary", "the rest"


@dataclass(frozen=True)
class Wave:
    name: str
    boxes: tuple[HostPlan, ...]

    @property
    def is_canary(self) -> bool:
        return self.name == CANARY


def waves(boxes: Sequence[HostPlan]) -> list[Wave]:
    """Canaries, then the named waves as they appear, then boxes without one."""
    names = list(dict.fromkeys(box.wave for box in boxes))
    names.sort(key=lambda name: (name != CANARY, name == ""))
    return [Wave(name or REST, tuple(box for box in boxes if box.wave == name)) for name in names]
