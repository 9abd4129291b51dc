"""Variables of the role gateway for a host that clients reach: members, keys, certificate, virtual address."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING, Any

from llmdeploy.fleet import ports
from llmdeploy.fleet.alone import stands_alone
from llmdeploy.plan import HostPlan
from llmdeploy.units import known_size

if TYPE_CHECKING:
    from llmdeploy.fleet.variables import Fleet

LETS_ENCRYPT = "https://acme-v02.api.letsencrypt.org/directory"


def public_gateway(fleet: Fleet, host: HostPlan) -> dict[str, Any]:
    settings = fleet.plan.spec["hosts"]
    found: dict[str, Any] = {
        "gateway_port": fleet.plan.port,
        "gateway_members": [
            {"name": f"{one.name}-{index}", "address": one.address, "port": fleet.port(ports.INNER + index),
             "host": one.name, "slots": one.slots}
            for one in fleet.engines for index in range(one.replicas)
        ],
        "gateway_key_hashes_source": str(fleet.secrets.key_hashes),
        "gateway_peers": _peers(fleet, host),
        "gateway_public_certificate_source": str(fleet.certificate or _public_certificate(fleet, host)),
        "gateway_max_body": known_size(settings["max_body"]),
        "gateway_rate": settings["rate"],
    }  # fmt: skip
    if settings["acme_email"]:
        acme = {"email": settings["acme_email"], "domain": settings["public_name"]}
        found["gateway_acme"] = {**acme, "directory_url": settings["acme_directory"] or LETS_ENCRYPT}
        found["gateway_acme_authority_source"] = str(fleet.acme_authority or "")
    if settings["virtual_address"]:
        found |= _virtual(fleet, host, settings["virtual_address"])
    return found


def _peers(fleet: Fleet, host: HostPlan) -> list[dict[str, Any]]:
    """The other gateways, each at a port that it has with mutual TLS."""
    port = fleet.port(ports.INNER)
    return [{"name": one.name, "address": one.address, "port": port} for one in fleet.gateways if one.name != host.name]


def _public_certificate(fleet: Fleet, host: HostPlan) -> Path:
    return fleet.secrets.box(host.name) if stands_alone(fleet.plan) else fleet.secrets.gateway


def _virtual(fleet: Fleet, host: HostPlan, address: str) -> dict[str, Any]:
    names = [one.name for one in fleet.gateways]
    interfaces = fleet.hosts[host.name][1].interfaces
    router = 1 + int(hashlib.sha256(fleet.plan.name.encode()).hexdigest(), 16) % 255
    return {
        "gateway_virtual_address": address if "/" in address else f"{address}/32",
        "gateway_virtual_interface": interfaces[0][0] if interfaces else "eth0",
        "gateway_virtual_priority": 150 - 10 * names.index(host.name),
        "gateway_virtual_router": router,
        "gateway_virtual_own_address": host.address,
    }
