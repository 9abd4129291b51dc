from __future__ import annotations

import click

from llmdeploy.cli.options import deployment_name, json_option, name_option
from llmdeploy.cli.session import session, target_of
from llmdeploy.environment import Environment


@click.command("rollback")
@click.argument("plan", default="", metavar="[PLAN]")
@name_option
@json_option
@click.pass_obj
def command(environment: Environment, plan: str, name: str | None, as_json: bool) -> None:
    """Bring back a plan that ran before.

    PLAN is the digest of one (its first digits will do); without it, the one before the present one.
    """
    from llmdeploy.steps.rollback import earlier_plan, rollback

    with session(environment, deployment_name(name, environment), "rollback", as_json) as current:
        earlier = earlier_plan(current.deployment, plan)
        rollback(earlier, target_of(earlier.target), current.deployment, current.run)
