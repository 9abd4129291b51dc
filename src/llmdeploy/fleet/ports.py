"""Ports that a deployment keeps on its hosts: a block of 64, the same on each, so that two deployments share a host."""

from __future__ import annotations

import re
from collections.abc import Iterable

from llmdeploy.errors import MissingError
from llmdeploy.fleet.facts import Facts

FIRST, STEP, BLOCKS = 8440, 64, 100
MOST_REPLICAS = 16
INNER, ENGINE, PROBER = 0, 16, 32  # + index of the replica
GATEWAY_PROBER = 48
ACME = 80  # where an authority looks for its answer
STORE, NODE, PROMETHEUS, ALERTMANAGER, GATEWAY_METRICS, GPU = 50, 51, 52, 53, 54, 55
PARTS = (
    r"(engine-\d+|slot-[ab]|prober-[a-z0-9-]+|gateway|store|"
    r"prometheus|alertmanager|node-exporter|gpu-exporter)\.service"
)


def free_block(
    name: str, facts: Iterable[Facts], known: int, taken: Iterable[int] = (), replicas: int = MOST_REPLICAS
) -> int:
    """The first port of a block that nobody else listens in on any host.

    The known one stays where nobody else has a port that `replicas` engines on a host need of it: a stranger in a gap
    of the block is no reason to change every port. Raises MissingError where there is none.
    """
    foreign = set(taken)
    for one in facts:
        foreign |= {port for port, unit in one.listeners if not is_ours(unit, name)}
    blocks = range(FIRST, FIRST + STEP * BLOCKS, STEP)
    if known and foreign.isdisjoint(known + offset for offset in _needed(replicas)):
        return known
    for first in blocks:
        if foreign.isdisjoint(range(first, first + STEP)):
            return first
    raise MissingError(
        f"no {STEP} ports in a row are free on every host between {blocks[0]} and {blocks[-1] + STEP}",
        "stop what listens there, or take the host off the list",
    )


def _needed(replicas: int) -> set[int]:
    """Offsets of the ports that are used with so many engines on a host."""
    of_engines = {kind + index for kind in (INNER, ENGINE, PROBER) for index in range(max(1, replicas))}
    return of_engines | {GATEWAY_PROBER, STORE, NODE, PROMETHEUS, ALERTMANAGER, GATEWAY_METRICS, GPU}


def is_ours(unit: str, name: str) -> bool:
    """Whether a unit belongs to the deployment of that name, and not to one whose name begins with it."""
    return re.fullmatch(f"llmdeploy-{re.escape(name)}-{PARTS}", unit) is not None
