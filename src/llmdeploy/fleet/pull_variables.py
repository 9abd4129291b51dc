"""Variables of the role pull_agent for one box."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from llmdeploy.fleet import ports
from llmdeploy.fleet.places import python_of
from llmdeploy.fleet.ready import ready_seconds
from llmdeploy.plan import HostPlan
from llmdeploy.units import known_duration

if TYPE_CHECKING:
    from llmdeploy.fleet.variables import Fleet


def pull_agent(fleet: Fleet, host: HostPlan) -> dict[str, Any]:
    plan = fleet.plan
    return {
        "pull_agent_deployment": plan.name,
        "pull_agent_host": host.name,
        "pull_agent_from": plan.spec["hosts"]["pull_from"],
        "pull_agent_authority_source": str(fleet.pull_authority or ""),
        "pull_agent_signer_source": str(fleet.secrets.release_signer),
        "pull_agent_engine_key_source": str(fleet.secrets.engine_key),
        "pull_agent_python": python_of(fleet.bundle.runtimes[host.name].digest),
        "pull_agent_ports": {name: fleet.port(ports.ENGINE + index) for index, name in enumerate(("a", "b"))},
        "pull_agent_memory_max": host.memory_max,
        "pull_agent_cpus": host.cpus[0] if host.cpus else "",
        "pull_agent_drain_timeout": int(known_duration(plan.spec["hosts"]["drain"])),
        "pull_agent_ready_timeout": int(ready_seconds(plan)),
    }
