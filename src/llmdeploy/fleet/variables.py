"""A plan as variables of the roles, which make the inventory. No secret is in it, only paths of files."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from llmdeploy.artifact import Artifact
from llmdeploy.engines import Site, engine
from llmdeploy.fleet import ports
from llmdeploy.fleet.alone import pulls, seen_from, stands_alone
from llmdeploy.fleet.engine_locks import VLLM
from llmdeploy.fleet.facts import Facts
from llmdeploy.fleet.host import Host
from llmdeploy.fleet.places import INCOMING, STORE, Secrets, etc, python_of
from llmdeploy.fleet.public_variables import public_gateway
from llmdeploy.fleet.pull_variables import pull_agent
from llmdeploy.fleet.ready import ready_seconds
from llmdeploy.fleet.watch_variables import metrics, probed
from llmdeploy.plan import HostPlan, Plan
from llmdeploy.units import known_duration

PACKAGES = ("libgomp1",)
VLLM_PACKAGES = ("libnuma1", "g++", "python3-dev")
"""Its build for processors is linked against libnuma; PyTorch and Triton call the compiler, and include Python.h."""


@dataclass(frozen=True)
class Bundle:
    """What travels to the hosts: by host the wheels of the runtime, and of an engine that has an environment of its
    own; and the model. `keep` are digests of what stays beside them, `keep_wheels` those that are no models. `image` is
    what an engine's container is made of, fetched by the hosts themselves, and `keep_images` stay beside it."""

    runtimes: Mapping[str, Artifact]
    model: Artifact | None = None
    keep: tuple[str, ...] = ()
    engines: Mapping[str, Artifact] = field(default_factory=dict)
    keep_wheels: tuple[str, ...] = ()
    image: str = ""
    keep_images: tuple[str, ...] = ()

    @property
    def wheels(self) -> tuple[Artifact, ...]:
        """All artifacts of wheels, each once."""
        return tuple({one.digest: one for one in (*self.runtimes.values(), *self.engines.values())}.values())

    @property
    def digests(self) -> set[str]:
        """Of wheels and model."""
        return {one.digest for one in (*self.wheels, *([self.model] if self.model else []))}


@dataclass(frozen=True)
class Fleet:
    """The hosts of one run without those that are off. `golden` is the file of prompts."""

    plan: Plan
    hosts: Mapping[str, tuple[Host, Facts]]
    bundle: Bundle
    secrets: Secrets
    golden: Path | None = None
    webhook: Path | None = None
    mail_password: Path | None = None
    mail_authority: Path | None = None
    pull_authority: Path | None = None
    certificate: Path | None = None
    acme_authority: Path | None = None

    def planned(self) -> list[HostPlan]:
        return [one for one in self.plan.hosts if one.name in self.hosts]

    def only(self, names: Iterable[str]) -> Fleet:
        """The same fleet with these of its hosts alone; the plan stays whole."""
        wanted = set(names)
        return replace(self, hosts={name: one for name, one in self.hosts.items() if name in wanted})

    @property
    def gateways(self) -> list[HostPlan]:
        return [one for one in self.plan.hosts if one.gateway]

    @property
    def engines(self) -> list[HostPlan]:
        return [one for one in self.plan.hosts if one.replicas]

    def port(self, offset: int) -> int:
        return self.plan.port_block + offset

    def inner_ports(self, host: HostPlan) -> list[int]:
        """One for each engine of the host."""
        return [self.port(ports.INNER + index) for index in range(host.replicas)]


def variables_of(fleet: Fleet, host: HostPlan) -> dict[str, Any]:
    """Every variable of every role for one host."""
    if stands_alone(fleet.plan):
        fleet, host = seen_from(host, fleet)
    return {
        **_hardening(fleet, host),
        **_gpu_driver(fleet, host),
        **_gateway(fleet, host),
        **_model_store(fleet, host),
        **_runtime(fleet, host),
        **(_engine(fleet, host, fleet.bundle.model) if host.replicas and fleet.bundle.model else {}),
        **metrics(fleet, host, bool(_gpu_driver(fleet, host)["gpu_driver_wanted"])),
        **(pull_agent(fleet, host) if pulls(fleet.plan) else {}),
    }


def _hardening(fleet: Fleet, host: HostPlan) -> dict[str, Any]:
    gateways = [one.address for one in fleet.gateways]
    others = [one.address for one in fleet.plan.hosts if one.name != host.name]
    inner = []
    if sources := sorted(set(gateways) - {host.address}):
        inner.append({"ports": fleet.inner_ports(host) or [fleet.port(ports.INNER)], "sources": sources})
    if others and _shares(fleet):
        inner.append({"ports": [fleet.port(ports.STORE)], "sources": sorted(others)})
    acme = [ports.ACME] if fleet.plan.spec["hosts"]["acme_email"] else []
    virtual = fleet.plan.spec["hosts"]["virtual_address"]
    peers = [one.address for one in fleet.gateways if one.name != host.name] if virtual and host.gateway else []
    return {
        "hardening_deployment": fleet.plan.name,
        "hardening_time_daemon": fleet.hosts[host.name][1].time_daemon,
        "hardening_ssh_port": fleet.hosts[host.name][1].ssh_port,
        "hardening_public_ports": [fleet.plan.port, *acme] if host.gateway else [],
        "hardening_inner": inner,
        "hardening_extra_rules": [f"ip protocol 112 ip saddr {peer} accept" for peer in peers],
    }


def _gpu_driver(fleet: Fleet, host: HostPlan) -> dict[str, Any]:
    facts = fleet.hosts[host.name][1]
    wanted = fleet.plan.engine == VLLM and facts.pci_gpus > 0
    return {"gpu_driver_wanted": wanted, "gpu_driver_expected": facts.pci_gpus if wanted else 0}


def _gateway(fleet: Fleet, host: HostPlan) -> dict[str, Any]:
    secrets = fleet.secrets
    return {
        "gateway_deployment": fleet.plan.name,
        "gateway_ca_source": str(secrets.authority),
        "gateway_node_certificate_source": str(secrets.node(host.name)),
        "gateway_engine_key_source": str(secrets.engine_key),
        "gateway_inner": [
            {
                "index": index,
                "port": fleet.port(ports.INNER + index),
                "engine_port": fleet.port(ports.ENGINE + index),
                "prober_port": fleet.port(ports.PROBER + index) if probed(fleet, host) else 0,
            }
            for index in range(host.replicas)
        ],
        "gateway_monitor_port": 0 if host.replicas else fleet.port(ports.INNER),
        "gateway_metrics_port": fleet.port(ports.GATEWAY_METRICS),
        "gateway_node_exporter_port": fleet.port(ports.NODE),
        "gateway_gpu_exporter_port": fleet.port(ports.GPU) if _gpu_driver(fleet, host)["gpu_driver_wanted"] else 0,
        "gateway_public": host.gateway,
        **(public_gateway(fleet, host) if host.gateway else {}),
    }


def _model_store(fleet: Fleet, host: HostPlan) -> dict[str, Any]:
    return {
        "model_store_deployment": fleet.plan.name,
        "model_store_artifacts": [one.as_json() for one in _artifacts(fleet, host)],
        "model_store_keep": [*fleet.bundle.keep, *_served_until_a_release(fleet)],
        "model_store_incoming": INCOMING,
        "model_store_peers": [one.address for one in fleet.planned() if one.name != host.name]
        if _shares(fleet)
        else [],
        "model_store_share": _shares(fleet),
        "model_store_port": fleet.port(ports.STORE),
    }


def _served_until_a_release(fleet: Fleet) -> list[str]:
    """A box that is to pull from now on goes on with the model that was brought to it until a release serves."""
    return [fleet.bundle.model.digest] if fleet.bundle.model and pulls(fleet.plan) else []


def _artifacts(fleet: Fleet, host: HostPlan) -> list[Artifact]:
    brought = host.replicas and not pulls(fleet.plan)
    model = [fleet.bundle.model] if fleet.bundle.model and brought else []
    own = [fleet.bundle.engines[host.name]] if host.name in fleet.bundle.engines else []
    return [fleet.bundle.runtimes[host.name], *own, *model]


def _runtime(fleet: Fleet, host: HostPlan) -> dict[str, Any]:
    return {
        "engine_runtime_deployment": fleet.plan.name,
        "engine_runtime_artifact": fleet.bundle.runtimes[host.name].digest,
        "engine_runtime_keep": list(fleet.bundle.keep_wheels),
        **({"engine_runtime_keep_images": list(images)} if (images := fleet.bundle.keep_images) else {}),
        **_engine_environment(fleet, host),
    }


def _engine_environment(fleet: Fleet, host: HostPlan) -> dict[str, Any]:
    """What vLLM runs in: an image of the user's, or an environment of its own."""
    if fleet.plan.engine != VLLM or not host.replicas:
        return {}
    if image := image_of(fleet.plan):
        return {"engine_runtime_way": "podman", "engine_runtime_image": image}
    return {
        "engine_runtime_engine_artifact": fleet.bundle.engines[host.name].digest,
        "engine_runtime_packages": [*PACKAGES, *VLLM_PACKAGES],
    }


def _engine(fleet: Fleet, host: HostPlan, model: Artifact) -> dict[str, Any]:
    plan = fleet.plan
    runtime = fleet.bundle.runtimes[host.name].digest
    found: dict[str, Any] = {
        "engine_deployment": plan.name,
        "engine_model": plan.served_name,
        "engine_python": python_of(runtime),
        "engine_key_source": str(fleet.secrets.engine_key),
        "engine_replicas": []
        if pulls(plan)
        else [_replica(fleet, host, index, runtime, model) for index in range(host.replicas)],
        "engine_golden_source": str(fleet.golden or ""),
        "engine_min_accuracy": plan.spec["test"]["min_accuracy"],
        "engine_drain_timeout": int(known_duration(plan.spec["hosts"]["drain"])),
        "engine_systemd_version": fleet.hosts[host.name][1].systemd,
        "engine_ready_timeout": int(ready_seconds(plan)),
        "engine_artifacts": [model.digest, runtime, *_own_environment(fleet, host)],
    }
    if plan.engine == VLLM:
        found["engine_compiles"] = True
    if image := image_of(plan):
        found |= {"engine_way": "podman", "engine_image": image}
    return {**found, "engine_plan": _digest(found["engine_replicas"])}


def _own_environment(fleet: Fleet, host: HostPlan) -> list[str]:
    return [fleet.bundle.engines[host.name].digest] if host.name in fleet.bundle.engines else []


def image_of(plan: Plan) -> str:
    """The container image that engines run in; empty where they run in an environment. Older plans know none."""
    return str(plan.spec["hosts"].get("image", ""))


def _replica(fleet: Fleet, host: HostPlan, index: int, runtime: str, model: Artifact) -> dict[str, Any]:
    gpus = host.gpus[index] if index < len(host.gpus) else ()
    part = replace(
        fleet.plan,
        host="127.0.0.1",
        port=fleet.port(ports.ENGINE + index),
        slots=host.slots,
        threads=host.threads,
        accelerators=tuple(f"cuda:{number}" for number in gpus) if fleet.plan.engine == VLLM else (),
    )
    own = _own_environment(fleet, host)
    site = Site(
        python=python_of(runtime),
        model_path=model_path(model),
        key_file=f"{etc(fleet.plan.name)}/engine.key",
        engine_python=python_of(own[0]) if own else "",
    )
    serving = engine(fleet.plan.engine).serve(part, site)
    return {
        "index": index,
        "port": serving.port,
        "argv": list(serving.arguments if image_of(fleet.plan) else serving.argv),
        "env": dict(serving.env),
        "memory_max": host.memory_max,
        "cpus": host.cpus[index] if index < len(host.cpus) else "",
        "gpus": [str(number) for number in gpus],
    }


def model_path(model: Artifact) -> str:
    """What the engine is pointed at: the first GGUF file, or the folder."""
    folder = f"{STORE}/{model.digest}"
    ggufs = sorted(file.name for file in model.files if file.name.endswith(".gguf"))
    return f"{folder}/{ggufs[0]}" if ggufs else folder


def _shares(fleet: Fleet) -> bool:
    return len(fleet.plan.hosts) > 1


def _digest(value: Any) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()[:12]
