"""docs/reference/cli.md: the help of the command and of every verb, as click shows it."""

from __future__ import annotations

import click

from llmdeploy.cli.main import llmdeploy
from llmdeploy.cli.verbs import VERBS

WIDTH = 100

INTRO = """\
# Command line

`llmdeploy` stands for `scripts/llmdeploy` in a clone, or for the installed command. Data goes to standard output, talk
to standard error; every verb takes `--json`. Exit codes: [exit-codes.md](exit-codes.md).

Variables that it reads:

| variable | meaning |
|---|---|
| `LLMDEPLOY_STATE` | folder of all state; default `.llmdeploy` in the current folder |
| `LLMDEPLOY_MODELS` | folder of fetched weights; default `models` in the state folder |
| `HF_TOKEN` | token of the Hugging Face hub, for gated and private repositories |
| `HF_ENDPOINT` | another address for the hub, such as a mirror of your own |
| `HF_HUB_OFFLINE` | `1` forbids every request to the hub |
| `HTTPS_PROXY`, `NO_PROXY` | proxy for the hub |
| `NO_COLOR` | no colour on a terminal |
| `LLMDEPLOY_VENV`, `PYTHON` | read by `scripts/` alone: where the environment is made, and on which Python |
"""


def text() -> str:
    parts = [INTRO, _section("llmdeploy", llmdeploy, None)]
    with _context("llmdeploy", llmdeploy, None) as group:
        for verb in VERBS:
            command = llmdeploy.get_command(group, verb)
            if command is None:
                raise LookupError(f"the verb {verb} has no command")
            parts.append(_section(verb, command, group))
    return "\n".join(parts)


def _section(name: str, command: click.Command, parent: click.Context | None) -> str:
    with _context(name, command, parent) as context:
        lines = [line.rstrip() for line in command.get_help(context).splitlines()]
    return f"## {name}\n\n```text\n" + "\n".join(lines) + "\n```\n"


def _context(name: str, command: click.Command, parent: click.Context | None) -> click.Context:
    return click.Context(
        command, parent, name, terminal_width=WIDTH, max_content_width=WIDTH, **command.context_settings
    )
