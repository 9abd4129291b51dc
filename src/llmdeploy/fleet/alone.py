"""Boxes of the edge: each stands alone, with a gateway for its own engines, and knows no other."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from llmdeploy.fleet.host import Host
from llmdeploy.plan import HostPlan, Plan

if TYPE_CHECKING:
    from llmdeploy.fleet.variables import Fleet

EDGE = "edge"
LOOPBACK = "127.0.0.1"
SLOTS = 2
"""In pull mode the gateway knows both slots as replicas, of which one runs."""


def stands_alone(plan: Plan) -> bool:
    """Whether each host of the plan is a whole service by itself."""
    return plan.target == EDGE


def pulls(plan: Plan) -> bool:
    """Whether the boxes fetch releases themselves."""
    return stands_alone(plan) and bool(plan.spec["hosts"].get("pull_from"))


def engines_playbook(plan: Plan) -> str:
    """What brings engines to hosts: we, or an agent on the box."""
    return "pull" if pulls(plan) else "deploy"


def as_boxes(hosts: tuple[Host, ...]) -> tuple[Host, ...]:
    """Every host with both parts: engine and gateway."""
    return tuple(replace(host, engine=True, gateway=True) for host in hosts)


def seen_from(host: HostPlan, fleet: Fleet) -> tuple[Fleet, HostPlan]:
    """The fleet as that box sees it: itself alone, on loopback. So it does not matter under which address others reach
    it, and a box that joins or leaves changes nothing on the others."""
    box = replace(host, address=LOOPBACK, replicas=SLOTS if pulls(fleet.plan) else host.replicas)
    plan = replace(fleet.plan, hosts=(box,))
    return replace(fleet, plan=plan, hosts={host.name: fleet.hosts[host.name]}), box
