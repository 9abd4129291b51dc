"""An ACME authority on a test host: Debian's caddy, whose `acme_server` is smallstep's, as in step-ca."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from tests.hosts.fleet import Fleet

NAME = "acme.test"
DIRECTORY = f"https://{NAME}/acme/local/directory"
ROOT = "/var/lib/caddy/.local/share/caddy/pki/authorities/local/root.crt"
CADDYFILE = """\
{
  skip_install_trust
}
https://acme.test {
  tls internal
  acme_server
}
http://stranger.test {
  respond "not the gateway that asked"
}
"""


def start_authority(hosts: Fleet, name: str, root: Path) -> None:
    """Have an authority on that host, which may reach every other one; its root certificate comes to `root`."""
    hosts.run(name, "sudo apt-get -qq update && sudo apt-get -qq install -y --no-install-recommends caddy", timeout=300)
    hosts.run(name, "sudo tee /etc/caddy/Caddyfile", given=CADDYFILE)
    hosts.run(name, "sudo systemctl restart caddy")
    # Its own certificate comes in the background.
    hosts.run(name, f"for i in $(seq 50); do curl -fsk {DIRECTORY} && exit; sleep 0.2; done; exit 1")
    root.write_text(hosts.run(name, f"sudo cat {ROOT}").stdout)


def name_hosts(hosts: Fleet, names: Mapping[str, str]) -> None:
    """What a name service would know, in /etc/hosts of every host."""
    lines = "".join(f"{address} {name}\n" for name, address in names.items())
    for host in hosts.names:
        hosts.run(host, "sudo tee -a /etc/hosts", given=lines)
