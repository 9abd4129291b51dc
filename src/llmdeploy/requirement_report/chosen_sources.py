"""Where the figures of the chosen machines come from, as the catalogue says."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from llmdeploy.methods.offer import Offer
from llmdeploy.requirement_report.report import Assumption
from llmdeploy.sizing.catalogue.instances import Instance


def chosen_sources(offers: Iterable[Offer], instances: Sequence[Instance]) -> tuple[Assumption, ...]:
    """Of each device its speed, and what it or the rented machine costs."""
    found = [one for offer in offers for one in (*_device(offer), *_price(offer, instances))]
    return tuple(dict.fromkeys(found))


def _device(offer: Offer) -> list[Assumption]:
    device = offer.hardware.accelerator
    if offer.hardware.processor:
        return []
    tflops = device.peak_tflops(offer.variant.quantization.arithmetic)
    figures = f"{device.bandwidth_gb_s:,.0f} GB/s, {tflops:,.0f} TFLOPS in {offer.variant.quantization.arithmetic}"
    found = [Assumption(device.title, figures, device.source)]
    if offer.hardware.price and device.list_price_usd:
        price = f"{device.list_price_usd:,.0f} USD"
        found.append(Assumption(f"{device.title} to buy", price, device.price_note or device.source))
    return found


def _price(offer: Offer, instances: Sequence[Instance]) -> list[Assumption]:
    hardware = offer.hardware
    row = next((one for one in instances if (one.name, one.region) == (hardware.name, hardware.region)), None)
    if row is None or hardware.hour is None:
        return []
    return [Assumption(f"{hardware.name} in {hardware.region}", f"{hardware.hour:.3f} USD an hour", row.source)]
