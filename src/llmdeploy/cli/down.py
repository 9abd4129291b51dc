from __future__ import annotations

import shutil

import click

from llmdeploy.cli.options import deployment_name, json_option, name_option
from llmdeploy.cli.session import session, target_of
from llmdeploy.environment import Environment


@click.command("down")
@name_option
@json_option
@click.option("--purge", is_flag=True, help="Remove the state folder too: key, history, reports.")
@click.pass_obj
def command(environment: Environment, name: str | None, as_json: bool, purge: bool) -> None:
    """Stop the deployment and look for what is left.

    History and reports stay; so do fetched models, which other deployments may share.
    """
    from llmdeploy.steps.down import down

    with session(environment, deployment_name(name, environment), "down", as_json) as current:
        down(target_of(current.deployment.state.load_target()), current.deployment, current.run)
    if purge:
        shutil.rmtree(current.deployment.state.path)
