"""Accelerators: GPUs, TPUs, and the processors of small boxes, by any usual spelling."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from llmdeploy.sizing.catalogue.rows import key_of, read_rows

Vendor = Literal["nvidia", "amd", "intel", "apple", "google", "aws", "cpu"]
Kind = Literal["datacenter", "workstation", "consumer", "edge", "apple", "tpu", "asic"]


@dataclass(frozen=True, slots=True)
class Accelerator:
    """One device.

    `memory_gb` as sold; `memory_gib` as its driver shows it, `torch_memory_gib` as a process sees it (null where not
    published). Bandwidths are GB/s: of the memory, of the link to its siblings (both directions together) and of PCIe.
    `tflops` are dense, by number format, null where the hardware has none. Power is in W, prices are in USD, null where
    they are not published.
    """

    name: str
    title: str
    vendor: Vendor
    kind: Kind
    aliases: tuple[str, ...]
    memory_gb: float
    memory_gib: float
    torch_memory_gib: float | None
    bandwidth_gb_s: float
    tflops: Mapping[str, float | None]
    power_w: float | None
    compute_capability: str | None
    unified_memory: bool
    link: str
    link_gb_s: float | None
    pcie_gb_s: float | None
    list_price_usd: float | None
    price_note: str | None
    cloud: tuple[str, ...]
    source: str
    date: str

    def peak_tflops(self, arithmetic: str) -> float:
        """Dense TFLOPS in that format; where the hardware has none, those of the widest one it unpacks to."""
        for name in (arithmetic, *_UNPACKED.get(arithmetic, ()), "bf16", "fp16", "fp32"):
            found = self.tflops.get(name)
            if found:
                return found
        return 0.0

    @property
    def visible_gib(self) -> float:
        """What a process can see: a CUDA context holds the rest of what the driver shows."""
        return self.torch_memory_gib or self.memory_gib * _SEEN


_UNPACKED = {"fp4": ("fp8",), "fp8": (), "int8": ()}
_SEEN = 0.993  # median of torch_memory_gib / memory_gib over the rows that have both


def accelerators() -> tuple[Accelerator, ...]:
    """Every row, in the order of the file."""
    return tuple(
        Accelerator(**{**row, "aliases": tuple(row["aliases"]), "cloud": tuple(row["cloud"])})
        for row in read_rows("accelerators")
    )


def accelerator(spelling: str, known: tuple[Accelerator, ...] | None = None) -> Accelerator | None:
    """The accelerator of that name; maker, case and dashes do not matter (`H100-80GB`, `RTX 4090`)."""
    rows = known if known is not None else accelerators()
    for spelled in (key_of, _bare):  # `nvidia-tesla-a100` is a label of its own, before makers are left out
        wanted = spelled(spelling)
        for one in rows:
            if wanted in {spelled(name) for name in (one.name, *one.aliases)}:
                return one
    return next((one for one in rows if _bare(one.title) == _bare(spelling)), None)


def similar_accelerators(spelling: str) -> list[str]:
    """At most three names that look like it, by any of their spellings, best first."""
    from difflib import get_close_matches

    spelled = {_bare(name): one.name for one in accelerators() for name in (one.name, *one.aliases)}
    near = get_close_matches(_bare(spelling), spelled, n=9, cutoff=0.5)
    return list(dict.fromkeys(spelled[key] for key in near))[:3]


def _bare(spelling: str) -> str:
    key = key_of(spelling)
    for maker in ("nvidia", "tesla", "geforce", "amd", "instinct", "intel", "google", "apple", "aws"):
        key = key.removeprefix(maker)
    return key
