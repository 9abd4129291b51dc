"""Options that several verbs share, each defined once."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import click

from llmdeploy.environment import Environment
from llmdeploy.errors import UsageError
from llmdeploy.state import deployments

F = TypeVar("F", bound=Callable[..., Any])

DEFAULT_SPEC = "llmdeploy.yaml"
OVERRIDES = {
    "name": "name",
    "target": "target",
    "model": "model.id",
    "engine": "engine",
    "port": "access.port",
    "hosts": "hosts.inventory",
}

json_option = click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
name_option = click.option("--name", help="The deployment; by default the spec's, or the only one there is.")
yes_option = click.option("-y", "--yes", is_flag=True, help="Do not ask.")
bundle_option = click.option("--bundle", help="Work from this bundle: the hosts need no network (`llmdeploy bundle`).")


@dataclass(frozen=True)
class SpecOptions:
    """Where the spec comes from and what the command line says over it."""

    file: Path | None
    overrides: dict[str, object]


def spec_options(verb: F) -> F:
    """`--spec` and the few fields that people change from the command line; passed on as `wanted: SpecOptions`."""

    def gather(
        spec: str | None,
        name: str | None,
        target: str | None,
        model: str | None,
        engine: str | None,
        port: int | None,
        hosts: str | None,
        **rest: Any,
    ) -> Any:
        given = {"name": name, "target": target, "model": model, "engine": engine, "port": port, "hosts": hosts}
        overrides: dict[str, object] = {OVERRIDES[key]: value for key, value in given.items() if value is not None}
        return verb(wanted=SpecOptions(Path(spec) if spec else None, overrides), **rest)

    gather.__name__, gather.__doc__ = verb.__name__, verb.__doc__
    gather.__click_params__ = getattr(verb, "__click_params__", [])  # type: ignore[attr-defined]
    for option in (
        click.option("--hosts", help="hosts.yaml or an Ansible inventory, for the targets onprem and edge."),
        click.option("--port", type=int, help="Port to listen on."),
        click.option("--engine", help="Engine: auto, llamacpp, vllm."),
        click.option("--model", help="Short name, repository (owner/name) or path."),
        click.option("--target", help="Kind of place."),
        click.option("--name", help="Name of the deployment."),
        click.option("-f", "--spec", help=f"The spec; by default ./{DEFAULT_SPEC} where it exists."),
    ):
        option(gather)
    return gather  # type: ignore[return-value]


def spec_file(wanted: SpecOptions, environment: Environment) -> Path | None:
    """The spec to read, or None for the built-in defaults."""
    if wanted.file:
        return environment.cwd / wanted.file
    default = environment.cwd / DEFAULT_SPEC
    return default if default.exists() else None


def deployment_name(name: str | None, environment: Environment) -> str:
    """Which deployment a verb without a spec means: `--name`, the only one there is, or the spec's.

    Raises UsageError where several exist and nothing says which.
    """
    found = deployments(environment.state_root)
    if name:
        if name not in found:
            known = f"there are: {', '.join(found)}" if found else "there is none yet: `llmdeploy up` makes one"
            raise UsageError(f"there is no deployment {name} under {environment.state_root}", known)
        return name
    if len(found) == 1:
        return found[0]
    if not found:
        raise UsageError(f"there is no deployment under {environment.state_root}", "`llmdeploy up` makes one")
    if (environment.cwd / DEFAULT_SPEC).exists():
        from llmdeploy.spec import load_spec

        wanted = load_spec(environment.cwd / DEFAULT_SPEC, {}).name
        if wanted in found:
            return str(wanted)
    raise UsageError("there are several deployments", f"name one: --name {' | '.join(found)}")
