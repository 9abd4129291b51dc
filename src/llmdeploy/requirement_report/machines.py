"""An offer as plain figures: machines, layout, memory, storage, traffic."""

from __future__ import annotations

from typing import Final

from llmdeploy.methods.bench import CLOUDS
from llmdeploy.methods.hardware import Hardware
from llmdeploy.methods.need import Need
from llmdeploy.methods.offer import Offer
from llmdeploy.methods.price import BYTES_PER_TOKEN_IN, BYTES_PER_TOKEN_OUT, DISK_BASE_GB, DISK_SHARE
from llmdeploy.requirement_report.loads import load_points, places_of, planned_load
from llmdeploy.requirement_report.memory import ENGINES, device_memory
from llmdeploy.requirement_report.report import Machines, Traffic

PLACES: Final = {**CLOUDS, "own": "your own", "bought": "to be bought", "edge": "at the edge", "local": "this machine"}


def machines_of(offer: Offer, need: Need) -> Machines:
    hardware, variant, sized = offer.hardware, offer.variant, offer.sized
    return Machines(
        count=offer.machines,
        name=hardware.name,
        place=PLACES[hardware.place],
        region=hardware.region,
        hour=hardware.hour,
        price=hardware.price,
        watts=hardware.watts,
        devices=hardware.count,
        device=hardware.accelerator.title,
        processor=hardware.processor,
        link=_link(hardware),
        variant=variant.name,
        bits=variant.quantization.linear,
        weight_bytes=variant.weight_bytes,
        engine=ENGINES[variant.engine],
        replicas=offer.replicas,
        tensor=offer.layout.tensor,
        pipeline=offer.layout.pipeline,
        places=places_of(offer),
        planned=planned_load(offer, need),
        context=sized.context,
        cache_tokens=sized.kv_cache_tokens,
        storage_gb=offer.machines * (DISK_BASE_GB + variant.weight_bytes / 1e9 * DISK_SHARE),
        memory=device_memory(offer, need),
        traffic=_traffic(offer, need),
        loads=load_points(offer, need),
    )


def _link(hardware: Hardware) -> str:
    """What joins the devices of one machine, empty where there is one device."""
    device = hardware.accelerator
    if hardware.count == 1:
        return ""
    speed = device.link_gb_s or device.pcie_gb_s
    name = {"pcie": "PCIe", "nvlink": "NVLink", "none": "PCIe"}.get(device.link, device.link)
    return f"{name}, {speed:,.0f} GB/s both ways together" if speed else name


def _traffic(offer: Offer, need: Need) -> Traffic:
    """Of the busy hours, when the planned load is there all the time."""
    seconds = need.busy_hours * 3600
    requests = need.requests_per_month * planned_load(offer, need) / need.concurrency
    gb_out = requests * need.output * BYTES_PER_TOKEN_OUT / 1e9
    gb_in = requests * need.prompt * BYTES_PER_TOKEN_IN / 1e9
    return Traffic(requests, gb_in, gb_out, gb_out * 8e3 / seconds)
