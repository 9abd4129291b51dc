"""Questions to hosts that are deployed: how they are, what their gateway's prober saw, what their services wrote."""

from __future__ import annotations

import base64
import json
import os
import shlex
import subprocess
import zlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from llmdeploy.adapters.ssh import run_everywhere
from llmdeploy.deployment import Deployment
from llmdeploy.errors import MissingError, StepError
from llmdeploy.fleet.gather import reach_of
from llmdeploy.fleet.host import Host
from llmdeploy.fleet.planning import MEMBERS
from llmdeploy.fleet.record import load_members
from llmdeploy.plan import Plan

ONHOST = Path(__file__).parent.parent / "onhost"
LOG_SECONDS = 30.0


def hosts_of(plan: Plan, deployment: Deployment) -> list[Host]:
    """The plan's hosts as they were listed last."""
    known = {member.host.name: member.host for member in load_members(deployment.state.path / MEMBERS)}
    return [known[host.name] for host in plan.hosts if host.name in known]


def states(
    asked: Sequence[Host], name: str, engines: Mapping[str, int]
) -> tuple[dict[str, dict[str, Any]], list[dict[str, Any]]]:
    """Each host's units and engines, or why it does not say; and the alerts that are firing.

    `engines` is how many each host has by its plan: nobody knows how they are where it does not answer."""
    hosts: dict[str, dict[str, Any]] = {}
    alerts: list[dict[str, Any]] = []
    script = (ONHOST / "state.py").read_text(encoding="utf-8")
    for host, answer in run_everywhere([reach_of(one) for one in asked], script, name).items():
        if answer.problem:
            unknown = [{"replica": number, "state": "unreachable"} for number in range(engines.get(host, 0))]
            hosts[host] = {"state": "unreachable", "detail": answer.problem, "units": [], "engines": unknown}
            continue
        said = json.loads(answer.output)
        down = _down(said["units"])
        state = "failing" if down else "running" if said["units"] else "absent"
        hosts[host] = {"state": state, "detail": ", ".join(down), "units": said["units"], "engines": _engines(said)}
        alerts += said["alerts"]
    return dict(sorted(hosts.items())), alerts


def _engines(said: dict[str, Any]) -> list[dict[str, Any]]:
    """What the prober saw of each engine, with how often systemd had to start it again since it was started last."""
    restarts = {unit["Id"]: int(unit.get("NRestarts", 0)) for unit in said["units"]}
    found = []
    for one in said["engines"]:
        unit = next((name for name in restarts if name.endswith(f"-engine-{one['replica']}.service")), "")
        found.append({**one, "crashes": restarts.get(unit, 0)})
    return found


def _down(units: list[dict[str, str]]) -> list[str]:
    """Units that ought to run and do not. Of the two slots of a box in pull mode one rests."""
    states = {unit["Id"]: unit["ActiveState"] for unit in units}
    resting = any("-slot-" in name and state == "active" for name, state in states.items())
    failed = [name for name, state in states.items() if state not in ("active", "inactive")]
    enabled = [unit["Id"] for unit in units if unit["UnitFileState"] == "enabled" and states[unit["Id"]] == "inactive"]
    return failed + [name for name in enabled if not (resting and "-slot-" in name)]


def fetch_history(plan: Plan, deployment: Deployment) -> Path:
    """What the prober of the first gateway that answers saw, copied into the state folder."""
    gateways = {host.name for host in plan.hosts if host.gateway}
    script = (ONHOST / "history.py").read_text(encoding="utf-8")
    problems = []
    for host in hosts_of(plan, deployment):
        if host.name not in gateways:
            continue
        answer = run_everywhere([reach_of(host)], script, plan.name)[host.name]
        if not answer.problem:
            _write(deployment.state.history, zlib.decompress(base64.b85decode(answer.output)))
            return deployment.state.history
        problems.append(f"{host.name}: {answer.problem}")
    raise StepError(
        f"no gateway gives its history: {'; '.join(problems)}", "is it on? `llmdeploy status` shows all hosts"
    )


def _write(path: Path, content: bytes) -> None:
    partial = path.with_name(f".{path.name}.partial")
    handle = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(handle, "wb") as file:
        file.write(content)
    partial.replace(path)


def read_logs(deployment: Deployment, program: str, lines: int, only: str) -> list[str]:
    """The newest lines of a service's journal on every host, or on `only`, each with its host in front."""
    plan = deployment.state.deployed()
    hosts = [host for host in hosts_of(plan, deployment) if only in ("", host.name)]
    if not hosts:
        raise MissingError(f"{deployment.state.name} has no host {only}", "`llmdeploy status` lists them")
    unit = shlex.quote(f"llmdeploy-{plan.name}-{program}*")
    line = f"sudo -n journalctl --no-pager --output short-iso --lines {lines} --unit {unit}"
    return [f"{host.name}  {text}" for host in hosts for text in _said(reach_of(host).command(line))]


def _said(command: Sequence[str]) -> list[str]:
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, errors="replace", timeout=LOG_SECONDS, check=False
        )
    except subprocess.TimeoutExpired:
        return [f"no answer within {LOG_SECONDS:.0f} s"]
    return done.stdout.splitlines() if done.returncode == 0 else [f"unreachable: {done.stderr.strip()[-200:]}"]
