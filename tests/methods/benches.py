"""Benches to compare methods on: the catalogue is read once, a machine is described in one line."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from typing import Any

from llmdeploy.methods.bench import Bench
from llmdeploy.methods.decide import all_rows
from llmdeploy.methods.hardware import Hardware, rented
from llmdeploy.methods.need import Need
from llmdeploy.methods.offer import Offer, Offers, Refused
from llmdeploy.methods.row import Row
from llmdeploy.methods.variant import Variant
from llmdeploy.sizing.catalogue.accelerators import Accelerator, accelerators
from llmdeploy.sizing.catalogue.instances import Instance, instances
from llmdeploy.sizing.catalogue.models import Model, models
from llmdeploy.sizing.processor import processor
from llmdeploy.sizing.quantization import QUANTIZATIONS

CLOUD_TARGETS = ("aws", "azure", "gcp")
RENTING = (*CLOUD_TARGETS, "hybrid")
NEED = Need(concurrency=16, prompt=1000, output=250, ttft=2.0, itl=0.1)
SERVER = Hardware("this machine", "local", processor(64, 256, "its processor"), 1, 256, watts=400, limit=1)

known_models = cache(models)
known_accelerators = cache(accelerators)
known_instances = cache(instances)


def model(name: str) -> Model:
    return next(one for one in known_models() if one.name == name)


def device(name: str) -> Accelerator:
    return next(one for one in known_accelerators() if one.name == name)


def need(**asked: Any) -> Need:
    return replace(NEED, **asked)


def bench(
    name: str = "qwen3-8b", here: Hardware | None = None, rent: tuple[Instance, ...] | None = None, **asked: Any
) -> Bench:
    """A bench for one model of the catalogue; `asked` are fields of the need."""
    there = known_instances() if rent is None else rent
    return Bench(need(**asked), model(name), known_models(), known_accelerators(), there, here)


_ROWS: dict[str, list[Row]] = {}


def alone(name: str = "qwen3-8b", here: Hardware | None = None, **asked: Any) -> Bench:
    """A bench that knows of no other model, which is quicker."""
    return replace(bench(name, here, **asked), models=(model(name),))


def rows_of(name: str = "qwen3-8b", here: Hardware | None = None, **asked: Any) -> list[Row]:
    """Every row for one model and no other, computed once for all tests that ask the same."""
    key = repr((name, here, sorted(asked.items())))
    if key not in _ROWS:
        _ROWS[key] = all_rows(alone(name, here, **asked))
    return _ROWS[key]


def few_instances() -> tuple[Instance, ...]:
    """One of every hardware of every cloud: enough for a property, and quick."""
    return tuple({(one.cloud, one.hardware): one for one in known_instances()}.values())


def variant(name: str, quantization: str) -> Variant:
    return Variant(model(name), QUANTIZATIONS[quantization], False)


def machine(accelerator: str, count: int = 1, hour: float | None = 1.0, **more: Any) -> Hardware:
    """A rented machine with whole devices; owned where `hour` is null."""
    one = device(accelerator)
    return Hardware("box", "aws" if hour is not None else "own", one, count, one.visible_gib, hour=hour, **more)


def made(name: str, quantization: str, on: Hardware, **asked: Any) -> Offer | Refused:
    return Offers(need(**asked)).make(variant(name, quantization), on)


def offer(name: str, quantization: str, on: Hardware, **asked: Any) -> Offer:
    found = made(name, quantization, on, **asked)
    assert isinstance(found, Offer), found
    return found


def machines_for_rent() -> list[Hardware]:
    return rented(known_instances(), {one.name: one for one in known_accelerators()})


def rents(row: Row) -> bool:
    """Whether anything of it stands on a rented machine, be it only proposed."""
    return any(
        one is not None and (one.hardware.hour is not None or one.hardware.place in CLOUD_TARGETS)
        for one in (row.offer, row.second, row.nearest)
    )


def named(rows: list[Row] | tuple[Row, ...], name: str) -> Row:
    """The one row of that name."""
    (row,) = [one for one in rows if one.name == name]
    return row
