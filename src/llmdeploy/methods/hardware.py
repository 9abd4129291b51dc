"""Hardware that a replica can stand on: rented, owned, to be bought, or the processor of a rented machine."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Literal

from llmdeploy.sizing.catalogue.accelerators import Accelerator
from llmdeploy.sizing.catalogue.instances import Instance
from llmdeploy.sizing.processor import processor

Place = Literal["aws", "azure", "gcp", "own", "bought", "edge", "local"]


@dataclass(frozen=True)
class Hardware:
    """One machine: `count` devices of one kind, `memory_gib` of each as a process sees it.

    `hour` is USD on demand, `spot` likewise (null where it is not known); `price` is what buying it costs, in USD, null
    where it is there already or rented. `watts` are at full load, of the whole machine.
    """

    name: str
    place: Place
    accelerator: Accelerator
    count: int
    memory_gib: float
    region: str = ""
    hour: float | None = None
    spot: float | None = None
    price: float | None = None
    watts: float = 0.0
    limit: int | None = None

    @cached_property
    def key(self) -> tuple[str, int, float]:
        """Machines with the same key serve alike."""
        return (self.accelerator.name, self.count, round(self.memory_gib, 2))

    @property
    def processor(self) -> bool:
        """Whether the model runs on the machine's own processor."""
        return self.accelerator.vendor == "cpu"

    @property
    def title(self) -> str:
        """`g6.xlarge (1 x l4)`, `server (2 x rtx-5090)`, `strix-halo`."""
        if self.processor or self.place == "edge":
            return self.name
        return f"{self.name} ({self.count} x {self.accelerator.name})"


def rented(instances: Iterable[Instance], accelerators: dict[str, Accelerator]) -> list[Hardware]:
    """Every instance type with a price, cheapest first."""
    found = []
    for one in instances:
        if one.on_demand_usd_hour is None:
            continue
        device = accelerators.get(one.accelerator) or processor(one.vcpus, one.memory_gib)
        if one.accelerator_fraction < 1:
            device = _part(device, one.accelerator_fraction)
        found.append(
            Hardware(
                one.name, one.cloud, device, max(1, one.count), device.visible_gib, one.region,
                one.on_demand_usd_hour, one.spot_usd_hour,
            )
        )  # fmt: skip
    return sorted(found, key=lambda hardware: hardware.hour or 0)


def _part(device: Accelerator, fraction: float) -> Accelerator:
    """A part of a device has that part of its memory, its bandwidth and its arithmetic: neighbours have the rest."""
    said = f"1/{1 / fraction:g}"
    return replace(
        device, name=f"{said} {device.name}", title=f"{said} {device.title}", memory_gb=device.memory_gb * fraction,
        memory_gib=device.memory_gib * fraction, torch_memory_gib=device.visible_gib * fraction,
        bandwidth_gb_s=device.bandwidth_gb_s * fraction,
        tflops={name: peak * fraction if peak else peak for name, peak in device.tflops.items()},
    )  # fmt: skip
