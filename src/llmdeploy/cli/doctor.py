from __future__ import annotations

import click

from llmdeploy.cli.options import json_option
from llmdeploy.cli.session import print_json
from llmdeploy.cli.show import say
from llmdeploy.environment import Environment
from llmdeploy.errors import ExitCode


@click.command("doctor")
@json_option
@click.pass_obj
def command(environment: Environment, as_json: bool) -> None:
    """Say what is missing on this machine and how to get it.

    Exit code 4 where something needed is missing.
    """
    from llmdeploy.steps.doctor import examine

    findings = examine(environment)
    if as_json:
        print_json(environment, {"ok": all(one.ok for one in findings), "findings": [vars(one) for one in findings]})
    else:
        for one in findings:
            word = "ok" if one.ok else ("missing" if one.needed else "absent")
            say(environment, f"{word:9}{one.name:20}{one.detail}")
            if one.hint and not one.ok:
                say(environment, f"{'':9}{'':20}hint: {one.hint}")
    if any(one.needed and not one.ok for one in findings):
        raise click.exceptions.Exit(ExitCode.MISSING)
