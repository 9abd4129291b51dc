from __future__ import annotations

import click

from llmdeploy.cli.options import deployment_name, json_option, name_option
from llmdeploy.cli.session import session, target_of
from llmdeploy.environment import Environment


@click.command("test")
@name_option
@json_option
@click.pass_obj
def command(environment: Environment, name: str | None, as_json: bool) -> None:
    """Step 4: run the gates: smoke, golden prompts, load.

    Writes results.json, junit.xml and report.html. A missed bound is exit code 6.
    """
    from llmdeploy.steps.test import test

    with session(environment, deployment_name(name, environment), "test", as_json) as current:
        plan = current.deployment.state.deployed()
        current.data["results"] = str(current.deployment.state.runs / current.run.id)
        test(plan, target_of(plan.target), current.deployment, current.run, repeat=True)
