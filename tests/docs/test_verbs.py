"""Every verb is in the README, has help, and says the same in `llmdeploy --help` as in its own."""

from __future__ import annotations

import re

import click
import pytest

from llmdeploy.cli.main import llmdeploy
from llmdeploy.cli.verbs import VERBS
from llmdeploy.errors import ExitCode
from llmdeploy.spec.fields import ENGINES, TARGETS
from tests.docs.markdown import pages, read

README = next(read(path) for path in pages() if str(path) == "README.md")


def verb_command(verb: str) -> click.Command:
    command = llmdeploy.get_command(click.Context(llmdeploy), verb)
    assert command is not None
    return command


@pytest.mark.parametrize("verb", VERBS)
def test_the_readme_has_a_row_for_the_verb(verb: str) -> None:
    assert re.search(rf"^\| `{verb}` \|", README, re.MULTILINE)


@pytest.mark.parametrize("verb", VERBS)
def test_both_helps_say_the_same(verb: str) -> None:
    assert (verb_command(verb).help or "").strip().splitlines()[0] == VERBS[verb]


@pytest.mark.parametrize("verb", VERBS)
def test_every_option_has_help(verb: str) -> None:
    options = [one for one in verb_command(verb).params if isinstance(one, click.Option)]
    assert [one.name for one in options if not one.help] == []


@pytest.mark.parametrize("name", [*TARGETS, *(name for name in ENGINES if name != "auto")])
def test_the_readme_has_a_row_for_each_target_and_engine(name: str) -> None:
    assert re.search(rf"^\| `{name}` \|", README, re.MULTILINE)


@pytest.mark.parametrize("code", ExitCode)
def test_the_readme_has_a_row_for_each_exit_code(code: ExitCode) -> None:
    assert re.search(rf"^\| {code.value} \|", README, re.MULTILINE)
