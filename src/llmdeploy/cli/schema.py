from __future__ import annotations

import click

from llmdeploy.cli.options import json_option
from llmdeploy.cli.session import print_json
from llmdeploy.environment import Environment


@click.command("schema")
@json_option
@click.pass_obj
def command(environment: Environment, as_json: bool) -> None:
    """Print the JSON Schema of the spec, for editors.

    It is JSON with or without --json.
    """
    from llmdeploy.spec import spec_schema

    print_json(environment, spec_schema())
