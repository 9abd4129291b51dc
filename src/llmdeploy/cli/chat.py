from __future__ import annotations

from typing import Any

import click

from llmdeploy.cli.options import deployment_name, json_option, name_option
from llmdeploy.cli.session import print_json, target_of
from llmdeploy.cli.show import say
from llmdeploy.deployment import deployment
from llmdeploy.endpoint import Endpoint
from llmdeploy.environment import Environment

MAX_TOKENS = 512


@click.command("chat")
@click.argument("question", required=False)
@name_option
@json_option
@click.option("--max-tokens", type=click.IntRange(1), default=MAX_TOKENS, show_default=True, help="Longest answer.")
@click.option("--system", default="", help="A system prompt.")
@click.pass_obj
def command(
    environment: Environment,
    question: str | None,
    name: str | None,
    as_json: bool,
    max_tokens: int,
    system: str,
) -> None:
    """Talk to the deployed model.

    QUESTION is answered once; without it there is a prompt, and an empty line or Ctrl-D ends it.
    """
    place = deployment(deployment_name(name, environment), environment)
    plan = place.state.deployed()
    endpoint = target_of(plan.target).endpoint(plan, place)
    messages = [{"role": "system", "content": system}] if system else []
    if question is None and not as_json:
        _converse(environment, endpoint, messages, max_tokens)
        return
    if question is None:
        question = environment.stdin.read().strip()
    messages.append({"role": "user", "content": question})
    answer = _ask(environment, endpoint, messages, max_tokens, show=not as_json)
    if as_json:
        print_json(environment, {"question": question, "answer": answer, "model": endpoint.model})


def _converse(environment: Environment, endpoint: Endpoint, messages: list[dict[str, str]], max_tokens: int) -> None:
    if environment.stdin.isatty():
        import readline  # noqa: F401 - gives the prompt its line editing

        environment.stderr.write(f"{endpoint.model} at {endpoint.url}; an empty line or Ctrl-D ends\n")
    while question := _read(environment):
        messages.append({"role": "user", "content": question})
        messages.append({"role": "assistant", "content": _ask(environment, endpoint, messages, max_tokens, show=True)})


def _read(environment: Environment) -> str:
    if not environment.stdin.isatty():
        return environment.stdin.readline().strip()
    try:
        return input("> ").strip()
    except EOFError:
        return ""


def _ask(environment: Environment, endpoint: Endpoint, messages: list[Any], max_tokens: int, show: bool) -> str:
    import asyncio

    from llmdeploy.steps.chat import ask

    def write(piece: str) -> None:
        if show:
            environment.stdout.write(piece)
            environment.stdout.flush()

    answer = asyncio.run(ask(endpoint, messages, max_tokens, write))
    if show:
        say(environment, "")
    return answer
