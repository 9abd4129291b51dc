"""Hardware that a replica can stand on: rented, owned, to be bought, or the processor of a rented machine."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Final, Literal

from llmdeploy.sizing.catalogue.accelerators import Accelerator
from llmdeploy.sizing.catalogue.instances import Instance

Place = Literal["aws", "azure", "gcp", "own", "bought", "edge", "local"]

# Processors of 2022 to 2025 under llama.cpp, per hardware thread. Prefill: 242 tokens/s of a model with 3.3 B active
# parameters on 32 threads of a Xeon 8592+ are 0.05 TFLOPS a thread. Bandwidth: one thread draws some 10 GB/s alone, and
# many share their channels: an EPYC 9554 reached 260 of 460 GB/s with 64 cores (published/throughput.json).
THREAD_TFLOPS: Final = 0.08
THREAD_ALONE: Final = 10.0  # GB/s
THREADS_BASE, THREAD_SHARE = 20.0, 3.0  # GB/s
SYSTEM_GIB: Final = 1.0


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


def processor(cores: float, memory_gib: float, name: str = "") -> Accelerator:
    """A machine's own processor as a device of llama.cpp."""
    tflops = cores * THREAD_TFLOPS
    return Accelerator(
        name=name or f"{cores:g} cores", title=name or f"{cores:g} cores", vendor="cpu", kind="edge", aliases=(),
        memory_gb=memory_gib, memory_gib=memory_gib, torch_memory_gib=max(0.5, memory_gib - SYSTEM_GIB),
        bandwidth_gb_s=min(cores * THREAD_ALONE, THREADS_BASE + cores * THREAD_SHARE), tflops={"fp32": tflops},
        power_w=None, compute_capability=None,
        unified_memory=True, link="none", link_gb_s=None, pcie_gb_s=None, list_price_usd=None, price_note=None,
        cloud=(), source="assumption", date="2026-11-24",
    )  # fmt: skip
