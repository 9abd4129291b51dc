"""The verbs and their one-line help. A verb's file is loaded only when it is used, so that `--help` is quick."""

from __future__ import annotations

import importlib

import click

VERBS = {
    "up": "Take the five steps: prepare, setup, deploy, test, monitor.",
    "prepare": "Step 1: compare the methods, decide what to serve and with what; show the plan.",
    "setup": "Step 2: have the place ready for the model.",
    "deploy": "Step 3: bring the weights and start the engine.",
    "test": "Step 4: run the gates: smoke, golden prompts, load.",
    "monitor": "Step 5: watch the endpoint; show how it is.",
    "status": "Show address, health and plan of a deployment.",
    "drift": "Show what was changed by hand since the last deploy.",
    "rollback": "Bring back a plan that ran before.",
    "chat": "Talk to the deployed model.",
    "logs": "Show what the engine, the gateway or the prober wrote.",
    "size": "Say how a model fits on a device: memory part by part, cache, speed.",
    "catalogue": "List models, accelerators or rented machines, or those that match all WORDS.",
    "doctor": "Say what is missing on this machine and how to get it.",
    "down": "Stop the deployment and look for what is left.",
    "bundle": "Write one checksummed archive with all that hosts without a network need.",
    "init": "Write a commented llmdeploy.yaml.",
    "schema": "Print the JSON Schema of the spec, for editors.",
}


class Verbs(click.Group):
    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(VERBS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in VERBS:
            return None
        found: click.Command = importlib.import_module(f"llmdeploy.cli.{cmd_name}").command
        return found

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args and not args[0].startswith("-") and args[0] not in VERBS:
            import difflib

            near = difflib.get_close_matches(args[0], VERBS, 1)
            told = f"; did you mean {near[0]}?" if near else ""
            raise click.UsageError(f"there is no verb {args[0]}{told}", ctx)
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Verbs"):
            formatter.write_dl(list(VERBS.items()))
