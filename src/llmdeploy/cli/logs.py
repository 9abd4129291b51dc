from __future__ import annotations

from collections import deque
from pathlib import Path

import click

from llmdeploy.cli.options import deployment_name, json_option, name_option
from llmdeploy.cli.session import print_json
from llmdeploy.cli.show import say
from llmdeploy.deployment import deployment
from llmdeploy.environment import Environment
from llmdeploy.errors import MissingError


@click.command("logs")
@click.argument("program", type=click.Choice(["engine", "prober", "supervisor"]), default="engine")
@name_option
@json_option
@click.option(
    "-n", "--lines", type=click.IntRange(1), default=50, show_default=True, help="How many of the last lines."
)
@click.option("-f", "--follow", is_flag=True, help="Go on as lines come, until interrupted.")
@click.pass_obj
def command(environment: Environment, program: str, name: str | None, as_json: bool, lines: int, follow: bool) -> None:
    """Show what the engine or the prober wrote."""
    state = deployment(deployment_name(name, environment), environment).state
    path = state.supervisor / "supervisord.log" if program == "supervisor" else state.logs / f"{program}.log"
    if not path.exists():
        raise MissingError(f"{program} has written nothing yet ({path})", "run `llmdeploy up`")
    with path.open(encoding="utf-8", errors="replace") as file:
        last = [line.rstrip("\n") for line in deque(file, lines)]
        position = file.tell()
    if as_json:
        print_json(environment, {"file": str(path), "lines": last})
        return
    for line in last:
        say(environment, line)
    if follow:
        _follow(path, position, environment)


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
