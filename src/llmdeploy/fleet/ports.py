"""Ports that a deployment keeps on its hosts: a block of 64, the same on each, so that two deployments share a host."""

from __future__ import annotations

from collections.abc import Iterable

from llmdeploy.fleet.facts import Facts

FIRST, STEP, BLOCKS = 8440, 64, 100
MOST_REPLICAS = 16
INNER, ENGINE, PROBER = 0, 16, 32  # + index of the replica; PROBER + 16 watches the gateway
STORE, NODE, PROMETHEUS, ALERTMANAGER, GATEWAY_METRICS, GPU = 50, 51, 52, 53, 54, 55


def free_block(name: str, facts: Iterable[Facts], known: int, taken: Iterable[int] = ()) -> int:
    """The first port of a block that nobody else listens in on any host; the one that is in use already, if that is ours."""
    foreign = set(taken)
    for one in facts:
        foreign |= {port for port, unit in one.listeners if not unit.startswith(f"llmdeploy-{name}-")}
    for first in (*((known,) if known else ()), *range(FIRST, FIRST + STEP * BLOCKS, STEP)):
        if foreign.isdisjoint(range(first, first + STEP)):
            return first
    raise ValueError(f"no block of {STEP} free ports from {FIRST} on")
