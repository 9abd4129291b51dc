from __future__ import annotations

import click

from llmdeploy.cli.options import bundle_option, deployment_name, json_option, name_option
from llmdeploy.cli.session import session, target_of
from llmdeploy.environment import Environment


@click.command("setup")
@name_option
@json_option
@bundle_option
@click.pass_obj
def command(environment: Environment, name: str | None, as_json: bool, bundle: str | None) -> None:
    """Step 2: have the place ready for the model.

    Acts on the plan that `llmdeploy prepare` saved.
    """
    from llmdeploy.steps.bundle import use_bundle
    from llmdeploy.steps.setup import setup

    with session(environment, deployment_name(name, environment), "setup", as_json) as current:
        plan = current.plan("setup")
        use_bundle(environment.cwd / bundle if bundle else None, current.deployment, current.run)
        setup(plan, target_of(plan.target), current.deployment, current.run)
