from __future__ import annotations

import click

from llmdeploy.cli.options import deployment_name, json_option, name_option
from llmdeploy.cli.session import session, target_of
from llmdeploy.environment import Environment


@click.command("drift")
@name_option
@json_option
@click.option("--repair", is_flag=True, help="Mend what differs.")
@click.pass_obj
def command(environment: Environment, name: str | None, as_json: bool, repair: bool) -> None:
    """Show what was changed by hand since the last deploy.

    Exit code 6 where something differs and is not mended.
    """
    from llmdeploy.steps.drift import drift

    with session(environment, deployment_name(name, environment), "drift", as_json) as current:
        plan = current.deployment.state.deployed()
        drift(plan, target_of(plan.target), current.deployment, current.run, repair)
