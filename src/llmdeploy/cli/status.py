from __future__ import annotations

import time
from typing import Any

import click

from llmdeploy.cli.options import deployment_name, json_option, name_option
from llmdeploy.cli.session import print_json, target_of
from llmdeploy.cli.show import endpoint_json, near, say
from llmdeploy.deployment import Deployment, deployment
from llmdeploy.environment import Environment
from llmdeploy.errors import ExitCode, MissingError
from llmdeploy.plan import Plan
from llmdeploy.targets import Status


@click.command("status")
@name_option
@json_option
@click.pass_obj
def command(environment: Environment, name: str | None, as_json: bool) -> None:
    """Show address, health and plan of a deployment.

    Exit code 6 where it does not answer.
    """
    place = deployment(deployment_name(name, environment), environment)
    running, prepared = place.state.load_deployed(), place.state.load_plan()
    plan = running or prepared
    if plan is None:
        raise MissingError(f"{place.state.name} has no plan yet", "run `llmdeploy up`")
    target = target_of(plan.target)
    status = target.status(plan, place)
    if as_json:
        about = {"name": plan.name, "state": status.state, "healthy": status.healthy, "detail": status.detail}
        more = {"since": status.since, "prober": status.prober, "deployed": running.digest if running else ""}
        plans = {"plan": prepared.digest if prepared else ""}
        known = {"endpoint": endpoint_json(plan, target.endpoint(plan, place), place)} if running else {}
        print_json(environment, {**about, **more, **plans, **known, **(status.data or {})})
    else:
        say(environment, _text(status, running, prepared, target.endpoint(plan, place).url if running else "", place))
    if not status.healthy:
        raise click.exceptions.Exit(ExitCode.GATE)


def _text(status: Status, running: Plan | None, prepared: Plan | None, url: str, place: Deployment) -> str:
    up = status.healthy and status.since
    since = time.strftime(" since %Y-%m-%d %H:%M:%S", time.localtime(status.since)) if up else ""
    why = f": {status.detail}" if status.detail and not up else ""
    lines = [f"{place.state.name}    {status.state}{since}{why}"]
    if running:
        lines += [f"address {url}/v1", f"key     {near(place.state.key_file, place.environment.cwd)}"]
        lines += [f"plan    {running.digest} ({running.model.id}, {running.engine})"]
    if prepared and (running is None or running.digest != prepared.digest):
        lines += [f"waiting {prepared.digest} ({prepared.model.id}, {prepared.engine}): `llmdeploy up` brings it"]
    return "\n".join([*lines, f"prober  {status.prober}", *_hosts(status.data or {})])


def _hosts(data: dict[str, Any]) -> list[str]:
    """One line a host that says what is wrong there, one an engine, and one an alert."""
    from llmdeploy.monitoring.engines import engine_lines

    known = data.get("hosts", {})
    hosts = [
        f"host    {name}: {one['state']}" + (f" ({one['detail']})" if one["detail"] else "")
        for name, one in known.items()
    ]
    hosts += engine_lines(known)
    firing = data.get("alerts", [])
    alerts = [f"alert   {one['severity']}: {one['name']} {one['host']}: {one['summary']}" for one in firing]
    return [*hosts, *(alerts or (["alerts  none"] if hosts else []))]
