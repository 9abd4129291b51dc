"""From an Ansible inventory, as `ansible-inventory --list` prints it, to hosts."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from typing import Any

from llmdeploy.fleet.host import Host, with_a_gateway

ENGINES, GATEWAYS = "engines", "gateways"


def hosts_of(listing: Mapping[str, Any]) -> tuple[Host, ...]:
    """Every host of the inventory; groups `engines` and `gateways` give the parts, without them all are engines."""
    variables = listing.get("_meta", {}).get("hostvars", {})
    every = _members(listing, "all")
    engines, gateways = set(_members(listing, ENGINES)), set(_members(listing, GATEWAYS))
    return with_a_gateway(
        tuple(
            _host(name, variables.get(name, {}), not engines or name in engines, name in gateways)
            for name in dict.fromkeys(every)
        )
    )


def _members(listing: Mapping[str, Any], group: str) -> list[str]:
    content = listing.get(group, {})
    found = list(content.get("hosts", []))
    for child in content.get("children", []):
        found += _members(listing, child)
    return found


def _host(name: str, variables: Mapping[str, Any], engine: bool, gateway: bool) -> Host:
    kind = variables.get("ansible_connection", "ssh")
    known = kind in ("ssh", "smart", "ansible.builtin.ssh", "local", "ansible.builtin.local")
    return Host(
        name=name,
        address=str(variables.get("ansible_host", name)),
        ssh=_options(variables),
        executable=str(variables.get("ansible_ssh_executable", "ssh")),
        local=str(kind).endswith("local"),
        engine=engine,
        gateway=gateway,
        wave=str(variables.get("llmdeploy_wave", "")),
        variables=dict(variables),
        refused="" if known else f"ansible_connection is {kind}, and only ssh and local are known here",
    )


def _options(variables: Mapping[str, Any]) -> tuple[str, ...]:
    options = []
    for key in ("ansible_ssh_common_args", "ansible_ssh_extra_args"):
        options += shlex.split(str(variables.get(key, "")))
    for key, flag in (("ansible_user", "-l"), ("ansible_port", "-p"), ("ansible_ssh_private_key_file", "-i")):
        if variables.get(key):
            options += [flag, str(variables[key])]
    return tuple(options)
