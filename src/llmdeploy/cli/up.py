from __future__ import annotations

import click

from llmdeploy.cli.options import SpecOptions, bundle_option, json_option, spec_options, yes_option
from llmdeploy.cli.session import decided, read_spec, session, target_of
from llmdeploy.cli.show import endpoint_json, endpoint_text, plan_text, say
from llmdeploy.environment import Environment
from llmdeploy.errors import UsageError
from llmdeploy.plan import Plan


@click.command("up")
@spec_options
@yes_option
@json_option
@bundle_option
@click.option("--retest", is_flag=True, help="Run the gates again even where this deployment has passed them.")
@click.pass_obj
def command(
    environment: Environment, wanted: SpecOptions, yes: bool, as_json: bool, retest: bool, bundle: str | None
) -> None:
    """Take the five steps: prepare, setup, deploy, test, monitor.

    Without a spec: this machine and the embedded model. A second run changes only what is different.
    """
    from llmdeploy.steps.bundle import use_bundle
    from llmdeploy.steps.up import up

    spec = decided(read_spec(wanted, environment), environment)
    target = target_of(spec.target)

    def agree(plan: Plan) -> None:
        if not as_json:
            environment.stderr.write(plan_text(plan) + "\n")
        _ask(plan, environment, yes)

    with session(environment, spec.name, "up", as_json) as current:
        use_bundle(environment.cwd / bundle if bundle else None, current.deployment, current.run)
        plan = up(spec, target, current.deployment, current.run, agree, retest)
        endpoint = target.endpoint(plan, current.deployment)
        current.data["endpoint"] = endpoint_json(plan, endpoint, current.deployment)
    if not as_json:
        say(environment, endpoint_text(plan, endpoint, current.deployment))


def _ask(plan: Plan, environment: Environment, yes: bool) -> None:
    """What costs nothing is not asked about."""
    if yes or plan.price_per_month == 0:
        return
    if not environment.stdin.isatty():
        raise UsageError(
            f"this costs {plan.price_per_month:,.0f} USD a month, and nobody is there to agree",
            "agree with -y",
        )
    click.confirm(f"Spend {plan.price_per_month:,.0f} USD a month?", abort=True, err=True)
