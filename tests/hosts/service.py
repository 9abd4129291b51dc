"""A deployment on hosts, as tests change it and look at it."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from llmdeploy.endpoint import Endpoint
from llmdeploy.secret import Secret
from tests.command import Result, llmdeploy
from tests.hosts.fleet import Fleet

PORT = 443


@dataclass
class Service:
    """The deployment under test: its folder, its hosts, and what they were like before.

    The first `gateways` hosts are gateways and engines, the others engines; `settings` go into the spec's section
    `hosts`. Clients reach it as `host`, else at the first host's address, and trust `authority`, else its own.
    """

    folder: Path
    hosts: Fleet
    before: dict[str, Any]
    gateways: int = 1
    settings: dict[str, Any] = field(default_factory=dict)
    host: str = ""
    authority: Path | None = None

    @property
    def state(self) -> Path:
        return self.folder / ".llmdeploy" / "demo"

    @property
    def endpoint(self) -> Endpoint:
        key = Secret((self.state / "key").read_text().strip())
        host, authority = self.host or self.hosts.hosts[0].address, self.authority or self.state / "tls/ca.pem"
        return Endpoint(f"https://{host}:{PORT}", "demo", key, ca_file=str(authority))

    def write(self, names: tuple[str, ...] | None = None, **changes: Any) -> None:
        """The two files that a user writes; `changes` are sections of the spec."""
        listed = [
            {"name": host.name, "address": host.address, "role": "both" if index < self.gateways else "engine"}
            for index, host in enumerate(self.hosts.hosts)
            if names is None or host.name in names
        ]
        reach = {"user": "ops", "identity": str(self.hosts.key), "known_hosts": str(self.hosts.known_hosts)}
        (self.folder / "hosts.yaml").write_text(yaml.safe_dump({"ssh": reach, "hosts": listed}))
        spec = {
            "name": "demo",
            "target": "onprem",
            "hosts": {"inventory": "hosts.yaml", **self.settings},
            "access": {"port": PORT},
            "workload": {"concurrency": 8, "prompt_tokens": 64, "output_tokens": 64},
            "test": {"load": {"duration": "1s"}},
            "monitor": {"interval": "5s"},
            **changes,
        }
        (self.folder / "llmdeploy.yaml").write_text(yaml.safe_dump(spec))

    def llmdeploy(self, *arguments: str) -> Result:
        return llmdeploy(*arguments, cwd=self.folder)

    def up(self) -> dict[str, Any]:
        """`up --json`, which must succeed."""
        done = self.llmdeploy("up", "-y", "--json")
        assert done.exit_code == 0, done.stdout[-3000:] + done.stderr
        found: dict[str, Any] = done.json
        return found

    def status(self) -> dict[str, Any]:
        found: dict[str, Any] = self.llmdeploy("status", "--json").json
        return found


def within(seconds: float, happens: Callable[[], bool]) -> float:
    """Seconds until it happens; fails the test where it does not."""
    begun = time.monotonic()
    while not happens():
        assert time.monotonic() - begun < seconds, f"not within {seconds} s"
        time.sleep(0.1)
    return time.monotonic() - begun


def in_rotation(service: Service, name: str) -> bool:
    """Whether the gateway sends requests to a host's engine now, as its own table of servers says."""
    shown = (
        "import socket; s = socket.socket(socket.AF_UNIX); s.connect('/run/llmdeploy-demo-gateway/admin.sock'); "
        "s.sendall(b'show stat\\n'); print(b''.join(iter(lambda: s.recv(65536), b'')).decode())"
    )
    told = service.hosts.run(service.hosts.names[0], f'sudo python3 -c "{shown}"').stdout
    rows = [line.split(",") for line in told.splitlines() if line.startswith("engines,")]
    return any(row[1].startswith(f"{name}-") and row[17].startswith("UP") for row in rows)


def sections(report: dict[str, Any], step: str) -> dict[str, Any]:
    found: dict[str, Any] = next(one for one in report["reports"] if one["step"] == step)
    return found
