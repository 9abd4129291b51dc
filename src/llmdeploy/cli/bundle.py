from __future__ import annotations

from pathlib import Path

import click

from llmdeploy.cli.options import deployment_name, json_option, name_option
from llmdeploy.cli.session import session
from llmdeploy.environment import Environment
from llmdeploy.errors import UsageError


@click.command("bundle")
@name_option
@json_option
@click.option("-o", "--output", help="The archive; by default ./NAME.bundle.tar.")
@click.option("--from-host", multiple=True, help="A host with a network whose apt gets the packages; may be repeated.")
@click.option("--release", "folder", help="Write a signed release for pull mode into this folder instead.")
@click.pass_obj
def command(
    environment: Environment,
    name: str | None,
    as_json: bool,
    output: str | None,
    from_host: tuple[str, ...],
    folder: str | None,
) -> None:
    """Write one checksummed archive with all that hosts without a network need.

    Acts on the plan that `llmdeploy prepare` saved, for the targets onprem and edge. `up --bundle FILE` uses it.
    """
    from llmdeploy.steps.bundle import bundle, release

    with session(environment, deployment_name(name, environment), "bundle", as_json) as current:
        plan = current.plan("bundle")
        if not plan.hosts:
            raise UsageError(f"{plan.name} has no hosts of your own", "bundles are for the targets onprem and edge")
        if folder:
            release(plan, current.deployment, current.run, environment.cwd / Path(folder).expanduser())
            return
        target = environment.cwd / Path(output or f"{plan.name}.bundle.tar").expanduser()
        bundle(plan, current.deployment, current.run, target, from_host)
