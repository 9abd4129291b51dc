"""Machines of your own in a rack: those that are there, else the ones that are cheapest to buy and to run."""

from __future__ import annotations

from typing import Final

from llmdeploy.methods.bench import Bench
from llmdeploy.methods.hardware import Hardware
from llmdeploy.methods.need import Owned
from llmdeploy.methods.price import HOST_PRICE, HOST_WATTS, break_even
from llmdeploy.methods.row import Row, refused
from llmdeploy.methods.search import Priced
from llmdeploy.methods.words import first_reason, from_month, headroom, own_costs
from llmdeploy.sizing.catalogue.accelerators import Accelerator, accelerator
from llmdeploy.units import counted

CONTROL, EASE_OWNED, EASE_BOUGHT = 1.0, 0.6, 0.4
WATTS_UNKNOWN: Final = 300.0
LONG_RUN: Final = 60  # months
COUNTS: Final = {"datacenter": (1, 2, 4, 8), "workstation": (1, 2, 4), "consumer": (1, 2)}


def rows(bench: Bench) -> list[Row]:
    if bench.forbidden:
        return [refused("on-premises", "on-premises", "onprem", bench.forbidden)]
    owned = bench.need.owned
    return [_owned(bench, owned), _bought(bench)] if owned else [_bought(bench)]


def machines_to_buy(bench: Bench) -> list[Hardware]:
    """Servers with every accelerator that has a list price, cheapest first."""
    found = [
        server(one, count)
        for one in bench.accelerators
        if one.list_price_usd and one.vendor in ("nvidia", "amd")
        for count in COUNTS.get(one.kind, ())
    ]
    return sorted(found, key=lambda hardware: hardware.price or 0.0)


def own_hosts(bench: Bench) -> list[Hardware]:
    """The kind of machine that is there already; none where nothing is, or its accelerator is not known."""
    owned = bench.need.owned
    device = accelerator(owned.accelerator, bench.accelerators) if owned else None
    if owned is None or device is None:
        return []
    watts = owned.per_host * (device.power_w or WATTS_UNKNOWN) + HOST_WATTS
    return [
        Hardware("your host", "own", device, owned.per_host, device.visible_gib, watts=watts, limit=owned.hosts)
    ]  # fmt: skip


def server(device: Accelerator, count: int) -> Hardware:
    host = HOST_PRICE[device.kind] * (1 + count / 4)
    price = count * (device.list_price_usd or 0.0) + host
    watts = count * (device.power_w or WATTS_UNKNOWN) + HOST_WATTS
    return Hardware("server", "bought", device, count, device.visible_gib, price=price, watts=watts)


def _bought(bench: Bench) -> Row:
    name = "on-premises: bought"
    found = bench.cheapest(machines_to_buy(bench))
    if found.best is None:
        return refused("on-premises", name, "onprem", first_reason(found.reasons), found.nearest)
    return _row(bench, name, found.best, EASE_BOUGHT)


def _owned(bench: Bench, owned: Owned) -> Row:
    name = "on-premises: your hosts"
    host = own_hosts(bench)
    if not host:
        said = f"{owned.accelerator} is not in the catalogue of accelerators" if owned.accelerator else "is not given"
        reason = f"own.accelerator: {said}"
        return refused("on-premises", name, "onprem", reason)
    found = bench.cheapest(host)
    if found.best is None:
        return refused("on-premises", name, "onprem", first_reason(found.reasons), found.nearest)
    return _row(bench, name, found.best, EASE_OWNED)


def _row(bench: Bench, name: str, best: Priced, ease: float) -> Row:
    price = best.price
    rent = bench.cheapest_rented.best
    month = break_even(price, rent.price) if rent and price.purchase else None
    return Row(
        "on-premises",
        name,
        "onprem",
        offer=best.offer,
        price=price,
        quality=best.offer.variant.quality,
        control=CONTROL,
        ease=ease,
        break_even=month,
        pros=_pros(best, month),
        cons=_cons(bench, best, never=rent is not None and month is None and price.purchase > 0),
    )


def _pros(best: Priced, month: float | None) -> tuple[str, ...]:
    said = (
        "control: machines and data are your own",
        f"customization: any engine and kernel, {headroom(best.offer)}",
        f"long-run savings: {from_month(month)} on" if month is not None and month <= LONG_RUN else "",
    )
    return tuple(one for one in said if one)


def _cons(bench: Bench, best: Priced, never: bool) -> tuple[str, ...]:
    machines = counted(best.offer.machines, "machine")
    said = (
        f"set-up cost: {own_costs(best.price, bench.need)}",
        f"maintenance: {machines} to keep",
        "scaling: a larger load waits for a delivery",
        "it never gets cheaper than renting" if never else "",
    )
    return tuple(one for one in said if one)
