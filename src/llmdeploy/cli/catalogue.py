from __future__ import annotations

from dataclasses import asdict

import click

from llmdeploy.cli.options import json_option
from llmdeploy.cli.session import print_json
from llmdeploy.cli.show import say
from llmdeploy.environment import Environment
from llmdeploy.sizing.catalogue import CatalogueRow, rows
from llmdeploy.sizing.memory import size_text


@click.command("catalogue")
@click.argument("kind", type=click.Choice(["models"]), default="models")
@click.argument("words", nargs=-1)
@json_option
@click.pass_obj
def command(environment: Environment, kind: str, words: tuple[str, ...], as_json: bool) -> None:
    """List the short names of models, or those that match all WORDS."""
    found = [row for row in rows() if all(word.lower() in _searched(row) for word in words)]
    if as_json:
        print_json(environment, [asdict(row) for row in found])
        return
    for row in found:
        where = row.repository or "comes with llmdeploy"
        say(environment, f"{row.name:16}{size_text(row.size_bytes):>9}  {row.quantization:8}{row.license:24}{where}")


def _searched(row: CatalogueRow) -> str:
    return f"{row.name} {row.title} {row.repository} {row.quantization} {row.license}".lower()
