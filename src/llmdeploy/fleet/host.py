"""A machine of a deployment as its owner listed it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Host:
    """One machine: `address` is where SSH and the other hosts reach it, `ssh` the client's options before it.

    `variables` are what Ansible is told about it: connection variables, and in a foreign inventory all others.
    `refused` says why it cannot be reached at all (a connection type other than SSH).
    """

    name: str
    address: str
    ssh: tuple[str, ...] = ()
    executable: str = "ssh"
    local: bool = False
    engine: bool = True
    gateway: bool = False
    wave: str = ""
    variables: Mapping[str, Any] = field(default_factory=dict)
    refused: str = ""


def with_a_gateway(hosts: tuple[Host, ...]) -> tuple[Host, ...]:
    """The same hosts, of which one at least is a gateway: the first, where none was named."""
    from dataclasses import replace

    if not hosts or any(host.gateway for host in hosts):
        return hosts
    return (replace(hosts[0], gateway=True), *hosts[1:])
