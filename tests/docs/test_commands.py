"""Commands of the README and the guides use verbs, arguments and options that there are. They are parsed, not run."""

from __future__ import annotations

import click
import pytest

from llmdeploy.cli.main import llmdeploy
from tests.docs.markdown import Block, blocks, commands, guides

BLOCKS = [block for path in guides() for block in blocks(path) if block.kind in ("sh", "console")]


def parse(words: list[str]) -> None:
    """Raises click.UsageError for what the command line would refuse."""
    with click.Context(llmdeploy, info_name="llmdeploy") as group:
        if not words or words[0].startswith("-"):
            llmdeploy.make_parser(group).parse_args(list(words))
            return
        command = llmdeploy.get_command(group, words[0])
        if command is None:
            raise click.UsageError(f"there is no verb {words[0]}")
        command.make_context(words[0], list(words[1:]), parent=group)


def test_there_are_commands_to_check() -> None:
    assert sum(len(list(commands(block))) for block in BLOCKS) > 20


@pytest.mark.parametrize("block", BLOCKS, ids=lambda block: block.where)
def test_commands_parse(block: Block) -> None:
    for words in commands(block):
        try:
            parse(words)
        except click.ClickException as error:
            pytest.fail(f"{block.where}: llmdeploy {' '.join(words)}: {error.format_message()}")


@pytest.mark.parametrize("line", ["llmdeploy frobnicate", "llmdeploy up --nonsense", "llmdeploy logs kernel"])
def test_the_check_finds_a_wrong_command(line: str) -> None:
    (words,) = commands(Block(guides()[0], 1, "sh", line + "\n"))
    with pytest.raises(click.UsageError):
        parse(words)


def test_commands_are_found_where_people_write_them() -> None:
    text = "$ cd x && HF_TOKEN=a llmdeploy up \\\n  -y | tee log   # comment\noutput\n$ scripts/llmdeploy down\n"
    assert list(commands(Block(guides()[0], 1, "console", text))) == [["up", "-y"], ["down"]]
