from __future__ import annotations

import time

import click

from llmdeploy.cli.options import deployment_name, json_option, name_option
from llmdeploy.cli.session import print_json, target_of
from llmdeploy.cli.show import endpoint_json, near, say
from llmdeploy.deployment import deployment
from llmdeploy.environment import Environment
from llmdeploy.errors import ExitCode, MissingError


@click.command("status")
@name_option
@json_option
@click.pass_obj
def command(environment: Environment, name: str | None, as_json: bool) -> None:
    """Show address, health and plan of a deployment.

    Exit code 6 where it does not answer.
    """
    place = deployment(deployment_name(name, environment), environment)
    plan = place.state.load_plan()
    if plan is None:
        raise MissingError(f"{place.state.name} has no plan yet", "run `llmdeploy up`")
    target = target_of(plan.target)
    status = target.status(plan, place)
    deployed = place.state.load_outputs().get("digest", "")
    if as_json:
        about = {"name": plan.name, "state": status.state, "healthy": status.healthy, "detail": status.detail}
        more = {"since": status.since, "prober": status.prober, "deployed": deployed, "plan": plan.digest}
        known = {"endpoint": endpoint_json(plan, target.endpoint(plan, place), place)} if deployed else {}
        print_json(environment, {**about, **more, **known, **(status.data or {})})
    else:
        since = time.strftime(" since %Y-%m-%d %H:%M:%S", time.localtime(status.since)) if status.since else ""
        say(environment, f"{plan.name}    {status.state}{since}")
        if deployed:
            say(environment, f"address {target.endpoint(plan, place).url}/v1")
            say(environment, f"key     {near(place.state.key_file, environment.cwd)}")
        waiting = "" if deployed in ("", plan.digest) else f", while {deployed} is deployed: run `llmdeploy up`"
        say(environment, f"plan    {plan.digest} ({plan.model.id}, {plan.engine}){waiting}")
        say(environment, f"prober  {status.prober}")
    if not status.healthy:
        raise click.exceptions.Exit(ExitCode.GATE)
