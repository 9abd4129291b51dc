from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from llmdeploy.cli.options import deployment_name, json_option, name_option
from llmdeploy.cli.session import print_json, session, target_of
from llmdeploy.cli.show import say
from llmdeploy.deployment import Deployment, deployment
from llmdeploy.environment import Environment
from llmdeploy.errors import ExitCode
from llmdeploy.journal import read_journal
from llmdeploy.monitoring.shared import Shared
from llmdeploy.plan import Plan

WINDOW_SECONDS = 900.0
HOSTS_SECONDS = 5.0  # hosts are asked over SSH, and their probers look every few seconds at most


@click.command("monitor")
@name_option
@json_option
@click.option("--watch", is_flag=True, help="Live in the terminal, until interrupted.")
@click.option("--web", is_flag=True, help="A page with live charts on loopback, until interrupted.")
@click.option("--port", type=click.IntRange(0, 65535), default=0, help="Port of the page; 0 takes a free one.")
@click.pass_obj
def command(environment: Environment, name: str | None, as_json: bool, watch: bool, web: bool, port: int) -> None:
    """Step 5: watch the endpoint; show how it is.

    Starts the prober where it does not run. Exit code 6 where the engine is down.
    """
    place = deployment(deployment_name(name, environment), environment)
    plan = _ensure_prober(place, environment, as_json)
    if not (web or watch):
        _show_once(plan, place, as_json)
        return
    try:
        if web:
            _serve(plan, place, port)
        else:
            _watch(plan, place)
    except KeyboardInterrupt:  # their ordinary end: there is nothing to tell
        raise click.exceptions.Exit(ExitCode.INTERRUPTED) from None


def _ensure_prober(place: Deployment, environment: Environment, as_json: bool) -> Plan:
    plan = place.state.deployed()
    target = target_of(plan.target)
    if target.status(plan, place).prober in ("running", "starting"):
        return plan
    from llmdeploy.steps.monitor import monitor

    with session(environment, place.state.name, "monitor", as_json) as current:
        monitor(plan, target, current.deployment, current.run)
    return plan


def _history(place: Deployment) -> Path:
    plan = place.state.deployed()
    return target_of(plan.target).history(plan, place)


def _hosts(plan: Plan, place: Deployment) -> dict[str, Any]:
    """Each host with its engines, where there are hosts."""
    found: dict[str, Any] = (target_of(plan.target).status(plan, place).data or {}).get("hosts", {})
    return found


def _looks(plan: Plan, place: Deployment) -> Shared[tuple[Path, dict[str, Any]]]:
    """The prober's history and the hosts as they are now: of this machine at once, of others not at every call."""
    seconds = HOSTS_SECONDS if plan.hosts else 0.0
    return Shared(lambda: (_history(place), _hosts(plan, place)), seconds, place.environment.clock.monotonic)


def _show_once(plan: Plan, place: Deployment, as_json: bool) -> None:
    from llmdeploy.monitoring.engines import engine_lines
    from llmdeploy.monitoring.snapshot import read_snapshot
    from llmdeploy.monitoring.table import render_plain

    environment = place.environment
    snapshot = read_snapshot(_history(place), environment.clock.now() - WINDOW_SECONDS)
    hosts = _hosts(plan, place)
    if as_json:
        engines = {"engines": {name: host["engines"] for name, host in hosts.items()}} if hosts else {}
        print_json(environment, {**snapshot.as_json(), **engines})
    else:
        say(environment, "\n".join([render_plain(snapshot), *engine_lines(hosts)]))
    if not snapshot.healthy:
        raise click.exceptions.Exit(ExitCode.GATE)


def _watch(plan: Plan, place: Deployment) -> None:
    from rich.console import Console, Group
    from rich.live import Live
    from rich.text import Text

    from llmdeploy.monitoring.engines import engine_lines
    from llmdeploy.monitoring.snapshot import read_snapshot
    from llmdeploy.monitoring.table import render_rich

    environment, look = place.environment, _looks(plan, place)

    def frame() -> Any:
        history, hosts = look()
        table = render_rich(read_snapshot(history, environment.clock.now() - WINDOW_SECONDS))
        lines = engine_lines(hosts)
        return Group(table, Text("\n".join(lines))) if lines else table

    with Live(frame(), console=Console(file=environment.stdout), auto_refresh=False, screen=False) as live:
        while True:
            environment.clock.sleep(1.0)
            live.update(frame(), refresh=True)


def _serve(plan: Plan, place: Deployment, port: int) -> None:
    from llmdeploy.monitoring.snapshot import read_snapshot
    from llmdeploy.web.server import serve_page

    environment, look = place.environment, _looks(plan, place)
    about = {
        "name": plan.name,
        "url": f"{target_of(plan.target).endpoint(plan, place).url}/v1",
        "model": plan.model.id,
        "engine": plan.engine,
        "plan": plan.digest,
    }

    def source() -> dict[str, Any]:
        history, hosts = look()
        snapshot = read_snapshot(history, environment.clock.now() - WINDOW_SECONDS)
        engines = [{"host": name, **one} for name, host in hosts.items() for one in host["engines"]]
        return {**snapshot.as_json(), "engines": engines, "gates": last_gates(place), "deployment": about}

    def told(url: str) -> None:
        say(environment, f"{plan.name}: {url} (Ctrl-C ends it)")
        environment.stdout.flush()

    serve_page("127.0.0.1", port, source, told)


def last_gates(place: Deployment) -> list[dict[str, Any]]:
    """Results of the newest test, passed or not."""
    found: list[dict[str, Any]] = []
    for event in read_journal(place.state.journal):
        if event["event"] == "step-ended" and event["step"] == "test":
            found = event["data"].get("gates", found)
    return found
