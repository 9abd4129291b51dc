from __future__ import annotations

import click

from llmdeploy.cli.options import SpecOptions, json_option, spec_options
from llmdeploy.cli.session import read_spec, session, target_of
from llmdeploy.cli.show import plan_text, say
from llmdeploy.environment import Environment


@click.command("prepare")
@spec_options
@json_option
@click.pass_obj
def command(environment: Environment, wanted: SpecOptions, as_json: bool) -> None:
    """Step 1: decide what to serve and with what; show the plan.

    The plan is saved; `setup`, `deploy`, `test` and `monitor` act on the saved plan.
    """
    from llmdeploy.steps.prepare import prepare

    spec = read_spec(wanted, environment)
    with session(environment, spec.name, "prepare", as_json) as current:
        plan = prepare(spec, target_of(spec.target), current.deployment, current.run)
    if not as_json:
        say(environment, plan_text(plan))
