from __future__ import annotations

import click

from llmdeploy.cli.options import deployment_name, json_option, name_option
from llmdeploy.cli.session import session, target_of
from llmdeploy.environment import Environment


@click.command("deploy")
@name_option
@json_option
@click.pass_obj
def command(environment: Environment, name: str | None, as_json: bool) -> None:
    """Step 3: bring the weights and start the engine.

    Acts on the plan that `llmdeploy prepare` saved, after `llmdeploy setup`.
    """
    from llmdeploy.steps.deploy import deploy

    with session(environment, deployment_name(name, environment), "deploy", as_json) as current:
        plan = current.plan("deploy")
        deploy(plan, target_of(plan.target), current.deployment, current.run)
