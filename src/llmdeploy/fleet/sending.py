"""Artifacts to the hosts: this machine sends each once, to one host, and the others fetch it there.

Boxes of the edge know no other: each gets its own (`send_to`).
"""

from __future__ import annotations

from collections.abc import Callable

from llmdeploy.adapters.ssh import upload
from llmdeploy.artifact import Artifact
from llmdeploy.fleet.gather import reach_of
from llmdeploy.fleet.places import INCOMING
from llmdeploy.fleet.variables import Fleet


def send(artifact: Artifact, wanting: list[str], fleet: Fleet, tell: Callable[[int], None]) -> tuple[str, int]:
    """Send it to the first of the hosts that want it, unless one of them has it already.

    Returns that host, or an empty text, and the bytes that were sent.
    """
    there = [name for name in wanting if name in fleet.hosts]
    if not there or any(_has(name, artifact, fleet) for name in there):
        return "", 0
    return there[0], send_to(there[0], artifact, fleet, tell)


def send_to(name: str, artifact: Artifact, fleet: Fleet, tell: Callable[[int], None] = lambda done: None) -> int:
    """Send it to one host unless it is there; the bytes that went. Raises StepError where the upload fails."""
    if _has(name, artifact, fleet):
        return 0
    files = [(file.path, file.name) for file in artifact.files]
    folder = f"{INCOMING}/{artifact.digest}"
    return upload(reach_of(fleet.hosts[name][0]), files, folder, lambda done: tell(min(done, artifact.bytes)))


def _has(name: str, artifact: Artifact, fleet: Fleet) -> bool:
    return artifact.digest in fleet.hosts[name][1].artifacts
