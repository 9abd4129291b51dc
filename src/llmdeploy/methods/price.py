"""What an offer costs a month, part by part, in USD."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from llmdeploy.methods.hardware import Hardware
from llmdeploy.methods.need import HOURS_PER_MONTH, Need
from llmdeploy.methods.offer import Offer

# List prices of October 2026 at the providers' own pages: block storage (gp3, Premium SSD, Balanced PD), traffic out to
# the internet, a managed Kubernetes control plane, and a load balancer.
STORAGE_GB_MONTH: Final = {"aws": 0.08, "azure": 0.12, "gcp": 0.10}
EGRESS_GB: Final = {"aws": 0.09, "azure": 0.087, "gcp": 0.12}
CONTROL_PLANE_HOUR: Final = 0.10
BALANCER_MONTH: Final = 18.0
BYTES_PER_TOKEN_IN: Final = 4
BYTES_PER_TOKEN_OUT: Final = 180  # one server-sent event of an OpenAI stream with its HTTP framing
DISK_SHARE: Final = 2.0  # weights, and room for the next revision beside them
DISK_BASE_GB: Final = 60  # system and engine image

# Assumptions for own hardware, stated in docs/concepts/methods.md.
HOST_PRICE: Final = {"datacenter": 9_000.0, "workstation": 3_500.0, "consumer": 1_500.0, "edge": 0.0, "apple": 0.0}
HOST_WATTS: Final = 250.0
PUE: Final = 1.4  # Uptime Institute's survey of 2024: 1.56 on average; 1.4 for a room with a handful of servers
RACK_KW_MONTH: Final = 140.0
SPARES: Final = 0.05  # of the purchase a year: disks, fans, a power supply
STAFF_HOURS_HOST: Final = 3.0  # a month, beyond the first host
STAFF_HOURS_BASE: Final = {"bought": 10.0, "own": 10.0, "edge": 2.0, "local": 0.0}
LOAD_SHARE: Final = 0.7  # of the full power, over the busy hours
IDLE_SHARE: Final = 0.25


@dataclass(frozen=True)
class Price:
    """A month: `machines` on demand or at the spot share, `storage`, `egress` and `fixed` parts of a cloud; or, of own
    hardware, `write_off` of the `purchase`, `power`, `rack`, `spares` and `staff`. All in USD."""

    machines: float = 0.0
    storage: float = 0.0
    egress: float = 0.0
    fixed: float = 0.0
    write_off: float = 0.0
    power: float = 0.0
    rack: float = 0.0
    spares: float = 0.0
    staff: float = 0.0
    purchase: float = 0.0
    spot_share: float = 0.0

    @property
    def month(self) -> float:
        return self.machines + self.storage + self.egress + self.fixed + self.write_off + self.running

    @property
    def running(self) -> float:
        """Of own hardware, without what it cost to buy."""
        return self.power + self.rack + self.spares + self.staff


def price_of(offer: Offer, need: Need) -> Price:
    return _rent(offer, need) if offer.hardware.hour is not None else _own(offer, need)


def _rent(offer: Offer, need: Need) -> Price:
    """Machines run in the busy hours only; one stays for the rest of the day where it is not off at night."""
    hardware = offer.hardware
    hour, share = _hour(hardware, need.spot)
    storage = offer.machines * (DISK_BASE_GB + offer.variant.weight_bytes / 1e9 * DISK_SHARE)
    egress = need.requests_per_month * need.output * BYTES_PER_TOKEN_OUT / 1e9
    return Price(
        machines=offer.machines * hour * need.busy_hours,
        storage=storage * STORAGE_GB_MONTH[hardware.place],
        egress=egress * EGRESS_GB[hardware.place],
        fixed=CONTROL_PLANE_HOUR * HOURS_PER_MONTH + BALANCER_MONTH,
        spot_share=share,
    )


def _hour(hardware: Hardware, spot: float) -> tuple[float, float]:
    """Mean price of an hour, and the share of it that runs on spot machines."""
    on_demand = hardware.hour or 0.0
    if not spot or hardware.spot is None:
        return on_demand, 0.0
    return spot * hardware.spot + (1 - spot) * on_demand, spot


def _own(offer: Offer, need: Need) -> Price:
    hardware = offer.hardware
    purchase = offer.machines * (hardware.price or 0.0)
    watts = offer.machines * hardware.watts
    busy = need.busy_hours
    energy = watts / 1000 * (busy * LOAD_SHARE + (HOURS_PER_MONTH - busy) * IDLE_SHARE)
    housed = hardware.place in ("bought", "own") and hardware.accelerator.kind in ("datacenter", "workstation")
    hours = STAFF_HOURS_BASE.get(hardware.place, 0.0) + STAFF_HOURS_HOST * (offer.machines - 1)
    return Price(
        write_off=purchase / need.write_off,
        spares=purchase * SPARES / 12,
        power=energy * (PUE if housed else 1.0) * need.electricity,
        rack=watts / 1000 * RACK_KW_MONTH if housed else 0.0,
        staff=hours * need.staff_hour if hardware.place != "local" else 0.0,
        purchase=purchase,
    )


def break_even(owned: Price, rented: Price) -> float | None:
    """The month in which buying has cost as much as renting; null where it never does. Straight lines: a purchase and
    what it costs every month after it, against a rent."""
    saved = rented.month - (owned.month - owned.write_off)
    if saved <= 0:
        return None
    return owned.purchase / saved


def cumulative(price: Price, months: int) -> list[float]:
    """USD spent by the end of month 0, 1, ... `months`."""
    every = price.month - price.write_off
    return [price.purchase + every * month for month in range(months + 1)]
