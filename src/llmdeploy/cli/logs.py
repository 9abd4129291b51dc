from __future__ import annotations

from pathlib import Path

import click

from llmdeploy.cli.options import deployment_name, json_option, name_option
from llmdeploy.cli.session import print_json, target_of
from llmdeploy.cli.show import say
from llmdeploy.deployment import deployment
from llmdeploy.environment import Environment
from llmdeploy.errors import UsageError


@click.command("logs")
@click.argument(
    "program", type=click.Choice(["engine", "prober", "gateway", "supervisor", "prometheus"]), default="engine"
)
@name_option
@json_option
@click.option("--host", default="", help="One host of several.")
@click.option(
    "-n", "--lines", type=click.IntRange(1), default=50, show_default=True, help="How many of the last lines."
)
@click.option("-f", "--follow", is_flag=True, help="Go on as lines come, until interrupted; on this machine only.")
@click.pass_obj
def command(
    environment: Environment, program: str, name: str | None, as_json: bool, host: str, lines: int, follow: bool
) -> None:
    """Show what the engine, the gateway or the prober wrote."""
    place = deployment(deployment_name(name, environment), environment)
    target = place.state.load_target()
    if follow and target != "local":
        raise UsageError(f"--follow is for this machine, and {place.state.name} is on {target}", "leave it out")
    where, last = target_of(target).logs(place, program, lines, host)
    position = Path(where).stat().st_size if follow else 0
    if as_json:
        print_json(environment, {"file": where, "lines": last})
        return
    for line in last:
        say(environment, line)
    if follow:
        _follow(Path(where), position, environment)


def _follow(path: Path, position: int, environment: Environment) -> None:
    while True:
        environment.stdout.flush()
        environment.clock.sleep(0.2)
        if path.stat().st_size < position:  # rotated
            position = 0
        with path.open(encoding="utf-8", errors="replace") as file:
            file.seek(position)
            environment.stdout.write(file.read())
            position = file.tell()
