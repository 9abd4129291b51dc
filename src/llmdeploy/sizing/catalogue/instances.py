"""Machines that clouds rent: what is in them and what an hour costs."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Literal

from llmdeploy.sizing.catalogue.rows import read_rows

Cloud = Literal["aws", "azure", "gcp"]


@dataclass(frozen=True)
class Instance:
    """One instance type.

    `accelerator` is a name of the accelerator catalogue, empty for a machine without one; of the `count` devices it
    gets `accelerator_fraction` each. Memory is GiB, local disk GB, network Gbit/s, prices are USD an hour in `region`,
    null where they are not published.
    """

    name: str
    cloud: Cloud
    accelerator: str
    count: int
    accelerator_fraction: float
    vcpus: int
    memory_gib: float
    local_nvme_gb: float | None
    network_gbps: float | None
    region: str
    on_demand_usd_hour: float | None
    spot_usd_hour: float | None
    price_date: str | None
    source: str
    date: str

    @cached_property
    def hardware(self) -> str:
        """`8 x h100-sxm`; instances with the same hardware serve alike."""
        part = "" if self.accelerator_fraction == 1 else f" / {1 / self.accelerator_fraction:g}"
        return f"{self.count} x {self.accelerator}{part}" if self.accelerator else f"{self.vcpus} vCPU"


def instances() -> tuple[Instance, ...]:
    """Every row, in the order of the file."""
    return tuple(Instance(**row) for row in read_rows("instances"))
