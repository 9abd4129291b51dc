"""Where things lie: on a host, and in the state folder here."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

RUNTIMES, STORE = "/opt/llmdeploy/runtimes", "/var/lib/llmdeploy/store"
INCOMING = "/var/tmp/llmdeploy-incoming"  # noqa: S108 - a name of ours below it, and every file is verified by its sha256


def python_of(runtime: str) -> str:
    """The interpreter of a runtime, by its digest."""
    return f"{RUNTIMES}/{runtime}/bin/python"


def etc(name: str) -> str:
    return f"/etc/llmdeploy/{name}"


@dataclass(frozen=True)
class Secrets:
    """Files of the state folder that roles copy to hosts; each of mode 0600."""

    folder: Path

    @property
    def key(self) -> Path:
        return self.folder / "key"

    @property
    def engine_key(self) -> Path:
        """What HAProxy on a host says to the engine beside it."""
        return self.folder / "engine.key"

    @property
    def prober_key(self) -> Path:
        """What the prober on a gateway asks with, as a client."""
        return self.folder / "prober.key"

    @property
    def key_hashes(self) -> Path:
        """SHA-256 of the keys that the gateway takes: it need not know the keys."""
        return self.folder / "keys.sha256"

    @property
    def release_key(self) -> Path:
        """What signs releases; boxes in pull mode know its public half."""
        return self.folder / "release.key"

    @property
    def release_signer(self) -> Path:
        return self.folder / "release.pub"

    @property
    def tls(self) -> Path:
        return self.folder / "tls"

    @property
    def authority(self) -> Path:
        return self.tls / "ca.pem"

    @property
    def gateway(self) -> Path:
        return self.tls / "gateway.pem"

    def box(self, host: str) -> Path:
        """What clients of a box of the edge see."""
        return self.tls / "boxes" / f"{host}.pem"

    def node(self, host: str) -> Path:
        return self.tls / "hosts" / f"{host}.pem"
