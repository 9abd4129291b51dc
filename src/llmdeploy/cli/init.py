from __future__ import annotations

from pathlib import Path

import click

from llmdeploy.cli.options import DEFAULT_SPEC, json_option
from llmdeploy.cli.session import print_json
from llmdeploy.cli.show import say
from llmdeploy.environment import Environment
from llmdeploy.errors import UsageError


@click.command("init")
@click.argument("file", default=DEFAULT_SPEC, type=click.Path(path_type=Path))
@json_option
@click.pass_obj
def command(environment: Environment, file: Path, as_json: bool) -> None:
    """Write a commented llmdeploy.yaml.

    An existing file is never overwritten.
    """
    from llmdeploy.spec import commented_spec

    path = environment.cwd / file
    try:
        with path.open("x", encoding="utf-8") as new:
            new.write(commented_spec())
    except FileExistsError:
        raise UsageError(
            f"{file} exists already", "move it away, or name another file: `llmdeploy init other.yaml`"
        ) from None
    if as_json:
        print_json(environment, {"file": str(path)})
    else:
        say(environment, f"wrote {file}; edit it, then run `llmdeploy up`")
