"""Artifacts to the hosts: this machine sends each once, to one host; the others fetch it there."""

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
    wanting = [name for name in wanting if name in fleet.hosts]
    if not wanting or any(artifact.digest in fleet.hosts[name][1].artifacts for name in wanting):
        return "", 0
    host = fleet.hosts[wanting[0]][0]
    files = [(file.path, file.name) for file in artifact.files]
    return host.name, upload(
        reach_of(host), files, f"{INCOMING}/{artifact.digest}", lambda done: tell(min(done, artifact.bytes))
    )
