from __future__ import annotations

from pathlib import Path

import click

from llmdeploy.cli.options import SpecOptions, json_option, spec_options
from llmdeploy.cli.session import read_spec, session
from llmdeploy.cli.show import plan_text, say
from llmdeploy.environment import Environment


@click.command("prepare")
@spec_options
@json_option
@click.option(
    "--report", "report", type=click.Path(path_type=Path),
    help="Write requirements.md and requirements.html into this folder.",
)  # fmt: skip
@click.pass_obj
def command(environment: Environment, wanted: SpecOptions, as_json: bool, report: Path | None) -> None:
    """Step 1: compare the methods, decide what to serve and with what; show the plan.

    Nothing is spent and no credential is needed. The plan is saved; `setup`, `deploy`, `test` and `monitor` act on the
    saved plan.
    """
    from llmdeploy.cli.show_decision import decision_json, decision_text
    from llmdeploy.steps.prepare import prepare_anywhere

    spec = read_spec(wanted, environment)
    with session(environment, spec.name, "prepare", as_json) as current:
        prepared = prepare_anywhere(spec, current.deployment, current.run, report)
        if prepared.decision:
            current.data["decision"] = decision_json(prepared.decision)
    if as_json:
        return
    if prepared.decision:
        say(environment, decision_text(prepared.decision) + "\n")
    say(environment, plan_text(prepared.plan, compared=prepared.decision is not None))
