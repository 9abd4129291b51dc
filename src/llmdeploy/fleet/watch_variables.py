"""Variables of the role `metrics`: who probes what, whom Prometheus asks, where alerts go."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from llmdeploy.engines import MetricNames, engine
from llmdeploy.fleet import ports
from llmdeploy.fleet.alone import pulls, stands_alone
from llmdeploy.fleet.places import etc, python_of
from llmdeploy.plan import HostPlan
from llmdeploy.units import known_duration, known_size

if TYPE_CHECKING:
    from llmdeploy.fleet.variables import Fleet

LEAST_HISTORY = "1MiB"  # of a prober; that of the spec too


def probed(fleet: Fleet, host: HostPlan) -> bool:
    """In pull mode the engine that serves changes its port, so no prober follows it."""
    return host.replicas > 0 and not pulls(fleet.plan)


def metrics(fleet: Fleet, host: HostPlan, gpu: bool) -> dict[str, Any]:
    plan, slo = fleet.plan, fleet.plan.spec["workload"]["slo"]
    monitor = fleet.gateways[0].name
    found: dict[str, Any] = {
        "metrics_name": plan.name,
        "metrics_server": host.name == monitor and not stands_alone(plan),
        "metrics_gpu": gpu,
        "metrics_node_exporter_port": fleet.port(ports.NODE),
        "metrics_gpu_exporter_port": fleet.port(ports.GPU),
        "metrics_prometheus_port": fleet.port(ports.PROMETHEUS),
        "metrics_alertmanager_port": fleet.port(ports.ALERTMANAGER),
        "metrics_python": python_of(fleet.bundle.runtimes[host.name].digest),
        "metrics_probers": [
            *([_engines_prober(fleet, host)] if probed(fleet, host) else []),
            *([_gateway_prober(fleet)] if host.gateway else []),
        ],
        "metrics_targets": [_target(fleet, one) for one in (plan.hosts if host.name == monitor else ())],
        "metrics_certificates": [f"{etc(plan.name)}/tls/{part}*.pem" for part in ("", "public/")[: 1 + host.gateway]],
        "metrics_min_accuracy": plan.spec["test"]["min_accuracy"],
        "metrics_ttft_p95_s": known_duration(slo["ttft_p95"]),
        "metrics_itl_p95_s": known_duration(slo["itl_p95"]),
    }
    if fleet.webhook:
        found["metrics_webhooks"] = [{"url_source": str(fleet.webhook)}]
    if mail := _mail(fleet):
        found["metrics_emails"] = [mail]
    return found


def _target(fleet: Fleet, host: HostPlan) -> dict[str, Any]:
    """A host as Prometheus sees it."""
    return {
        "name": host.name,
        "address": host.address,
        "inner_ports": fleet.inner_ports(host) or [fleet.port(ports.INNER)],
        "engine": host.replicas > 0,
        "probers": list(range(host.replicas)) if probed(fleet, host) else [],
        "gateway": host.gateway,
        "gpu": False,
    }


def _mail(fleet: Fleet) -> dict[str, Any]:
    """Empty where no mail is wanted."""
    mail = fleet.plan.spec["hosts"].get("alert_mail", {})  # plans of before mail do not have it
    if not mail.get("to"):
        return {}
    found = {"to": mail["to"], "from": mail["sender"], "smarthost": mail["server"], "tls": mail["tls"] == "required"}
    if fleet.mail_password:
        found |= {"username": mail["user"], "password_source": str(fleet.mail_password)}
    if fleet.mail_authority:
        found["authority_source"] = str(fleet.mail_authority)
    return found


def _engines_prober(fleet: Fleet, host: HostPlan) -> dict[str, Any]:
    """One process for all engines of a host, which share its history."""
    part = max(known_size(LEAST_HISTORY), known_size(fleet.plan.spec["monitor"]["history"]) // host.replicas)
    watched = [
        {"name": f"engine-{index}", "config": {**_engine_config(fleet, index), "history_bytes": part}}
        for index in range(host.replicas)
    ]
    return {"name": "engines", "watched": watched, **_golden(fleet)}


def _engine_config(fleet: Fleet, index: int) -> dict[str, Any]:
    plan, monitor = fleet.plan, fleet.plan.spec["monitor"]
    return {
        "url": f"http://127.0.0.1:{fleet.port(ports.ENGINE + index)}",
        "model": plan.served_name,
        "key_file": f"{etc(plan.name)}/engine.key",
        "supervisor_folder": "",
        "unit": f"llmdeploy-{plan.name}-engine-{index}.service",
        "metrics": asdict(engine(plan.engine).metrics),
        "interval_s": known_duration(monitor["interval"]),
        "port": fleet.port(ports.PROBER + index),
        "history_bytes": known_size(monitor["history"]),
        "min_accuracy": plan.spec["test"]["min_accuracy"],
    }


def _golden(fleet: Fleet) -> dict[str, str]:
    return {"golden_source": str(fleet.golden)} if fleet.golden else {}


def _gateway_prober(fleet: Fleet) -> dict[str, Any]:
    """Asks as a client does: TLS, key, gateway, any engine. Its history is what `llmdeploy monitor` shows."""
    signed_by_us = not (fleet.plan.spec["hosts"]["certificate"] or fleet.plan.spec["hosts"]["acme_email"])
    host = "127.0.0.1" if signed_by_us else fleet.plan.host
    authority = "ca.pem" if signed_by_us else "acme-authority.pem" if fleet.acme_authority else ""
    config = {
        **_engine_config(fleet, 0),
        "url": f"https://{host}:{fleet.plan.port}",
        "key_file": "",
        "ca_file": f"{etc(fleet.plan.name)}/tls/{authority}" if authority else "",
        "unit": f"llmdeploy-{fleet.plan.name}-gateway.service",
        "metrics": asdict(MetricNames("", "", "", "")),
        "port": fleet.port(ports.GATEWAY_PROBER),
    }
    watched = [{"name": "gateway", "config": config}]
    return {"name": "gateway", "watched": watched, "key_source": str(fleet.secrets.prober_key), **_golden(fleet)}
