"""From `hosts.yaml` to hosts."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from llmdeploy.fleet.host import Host, with_a_gateway

if TYPE_CHECKING:
    from llmdeploy.spec.hosts_file import HostLine, HostsFile, Reach


def hosts_of(file: HostsFile, folder: Path) -> tuple[Host, ...]:
    """The hosts of a file; paths in it count from its `folder`."""
    return with_a_gateway(tuple(_host(line, file.ssh, folder) for line in file.hosts))


def _host(line: HostLine, reach: Reach, folder: Path) -> Host:
    user, port = line.user or reach.user, line.port or reach.port
    identity = _path(line.identity or reach.identity, folder)
    options: list[str] = []
    if reach.config:
        options += ["-F", _path(reach.config, folder)]
    if reach.known_hosts:
        options += ["-o", f"UserKnownHostsFile={_path(reach.known_hosts, folder)}", "-o", "StrictHostKeyChecking=yes"]
    variables: dict[str, Any] = {"ansible_host": line.address or line.name}
    if options:
        variables["ansible_ssh_common_args"] = _quoted(options)
    if user:
        variables["ansible_user"] = user
    if port != 22:
        variables["ansible_port"] = port
    if identity:
        variables["ansible_ssh_private_key_file"] = identity
    return Host(
        name=line.name,
        address=line.address or line.name,
        ssh=tuple(options + _login(user, port, identity)),
        engine=line.role != "gateway",
        gateway=line.role != "engine",
        wave=line.wave,
        variables=variables,
    )


def _login(user: str, port: int, identity: str) -> list[str]:
    return [
        *(["-l", user] if user else []),
        *(["-p", str(port)] if port != 22 else []),
        *(["-i", identity] if identity else []),
    ]


def _path(text: str, folder: Path) -> str:
    return str((folder / Path(text).expanduser()).absolute()) if text else ""


def _quoted(options: list[str]) -> str:
    import shlex

    return shlex.join(options)
