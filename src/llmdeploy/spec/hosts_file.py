"""`hosts.yaml`: the machines of a deployment and how SSH reaches them."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Annotated, Any

from pydantic import Field, ValidationError

from llmdeploy.errors import Problem
from llmdeploy.spec.characters import decoded
from llmdeploy.spec.document import Document, events, read_document
from llmdeploy.spec.kinds import WRITTEN, Choice, Kind, RefusedError, Text, Whole
from llmdeploy.spec.problems import spec_error
from llmdeploy.spec.scalars import shown, shown_path
from llmdeploy.spec.section import HOST, LINE, Section

MOST_VALUES = 200_000
HOST_NAME = r"[A-Za-z0-9]([A-Za-z0-9._-]{0,61}[A-Za-z0-9])?"
USER = r"[a-z_][a-z0-9_-]{0,31}"
WAVE = r"[a-z0-9]([a-z0-9-]{0,30}[a-z0-9])?"


class Truth(Kind):
    """True or false."""

    hint = "write true or false"

    def read(self, value: object, written: bool) -> object:
        if not isinstance(value, bool):
            raise RefusedError("is not true or false", self.hint)
        return value

    def form(self) -> dict[str, Any]:
        return {"type": "boolean"}


class Reach(Section):
    """How SSH reaches hosts; a field of a host stands above the same field for all."""

    user: Annotated[str, Text("a user name", f"|{USER}", "write the name that you log in with: ops")] = Field(
        default="", description="login; empty: what your SSH configuration says"
    )
    port: Annotated[int, Whole(1, 65535)] = Field(default=22, description="port of its SSH server")
    identity: Annotated[str, Text("a path", LINE, "write the path of a private key: ~/.ssh/id_ed25519")] = Field(
        default="", description="private key file; empty: your SSH configuration or agent"
    )
    config: Annotated[str, Text("a path", LINE, "write the path of an SSH configuration: ./ssh_config")] = Field(
        default="", description="SSH configuration file to use in place of your own"
    )
    known_hosts: Annotated[str, Text("a path", LINE, "write the path of a known_hosts file")] = Field(
        default="", description="file with the keys of the hosts; empty: your SSH configuration"
    )


class HostLine(Section):
    """One machine."""

    name: Annotated[str, Text("a host's name", HOST_NAME, "write letters, digits, - and .: gpu1", 63)] = Field(
        description="what it is called here, once"
    )
    address: Annotated[
        str, Text("an address or a host name", f"|{HOST}", "write it without scheme, port and path: 10.0.0.11", 253)
    ] = Field(default="", description="where SSH and the other hosts reach it; empty: its name")
    user: Annotated[str, Text("a user name", f"|{USER}", "write the name that you log in with: ops")] = Field(
        default="", description="login on this host"
    )
    port: Annotated[int | None, Whole(1, 65535, optional=True)] = Field(default=None, description="its SSH port")
    identity: Annotated[str, Text("a path", LINE, "write the path of a private key")] = Field(
        default="", description="private key for this host"
    )
    role: Annotated[str, Choice(("engine", "gateway", "both"))] = Field(
        default="engine", description="engine, gateway, or both; without any gateway the first host is both"
    )
    wave: Annotated[str, Text("a wave", f"|{WAVE}", "write a short name: canary", 32)] = Field(
        default="", description="edge: which wave of a rollout it belongs to; empty: the last"
    )


class HostsFile(Section):
    """The machines of a deployment."""

    ssh: Reach = Field(default=Reach(), description="how SSH reaches all of them")
    hosts: tuple[HostLine, ...] = Field(description="one entry a machine")


def is_hosts_file(text: str | bytes, source: str) -> bool:
    """Whether a YAML text is ours rather than an Ansible inventory, whose keys are groups, all of them mappings.

    What is no YAML is ours too: our reader says in which line. Raises SpecError for what is no text.
    """
    import yaml

    depth, key, groups = 0, "", 0
    for event in events(decoded(text, source)):
        opens = isinstance(event, yaml.CollectionStartEvent)
        closes = isinstance(event, yaml.CollectionEndEvent)
        if isinstance(event, Problem) or (
            depth == 0 and isinstance(event, (yaml.ScalarEvent, yaml.SequenceStartEvent))
        ):
            return True
        if depth == 1 and not closes:
            if key == "hosts" and not isinstance(event, yaml.MappingStartEvent):
                return True
            groups += not key
            key = "" if key else getattr(event, "value", "?")
        depth += opens - closes
    return groups == 0


def parse_hosts(text: str | bytes, source: str) -> HostsFile:
    """The machines that `text` names. Raises SpecError with every problem, each with its line."""
    document = read_document(text, source, MOST_VALUES)
    problems = [replace(problem, path=_numbered(problem.path)) for _, problem in document.problems]
    try:
        found = HostsFile.model_validate(document.tree, context=WRITTEN)
    except ValidationError as error:
        problems += [_problem(detail, document) for detail in error.errors(include_url=False)]
        raise spec_error(problems, source) from None
    if not found.hosts:
        problems.append(Problem("hosts", "names no machine", "write at least one: - name: gpu1"))
    names = [host.name for host in found.hosts]
    for index, name in enumerate(names):
        if name in names[:index]:
            line = _line(document, ("hosts", str(index), "name"))
            problems.append(Problem(f"hosts.{index}.name", f"{name} is there twice", "give it another name", line))
    if problems:
        raise spec_error(problems, source)
    return found


def _problem(detail: Any, document: Document) -> Problem:
    path = tuple(map(str, detail["loc"]))
    refused = detail.get("ctx", {}).get("error")
    place, line = _numbered(shown_path(path)), _line(document, path)
    if isinstance(refused, RefusedError):
        return Problem(place, f"{shown(detail['input'])} {refused}", refused.hint, line)
    if detail["type"] == "extra_forbidden":
        return Problem(place, "unknown key", f"the keys here are {', '.join(_keys(path))}", line)
    if detail["type"] == "missing":
        hint = "every host has a name: - name: gpu1" if len(path) > 1 else "list your machines: hosts: [{name: gpu1}]"
        return Problem(place, "is missing", hint, line)
    return Problem(place, f"{shown(detail['input'])} is not what stands here", "write: hosts: [{name: gpu1}]", line)


def _numbered(path: str) -> str:
    """Places in lists as they are counted: `hosts.0.name`."""
    return re.sub(r'"(\d+)"', r"\1", path)


def _keys(path: tuple[str, ...]) -> list[str]:
    if path[0] == "ssh":
        return list(Reach.model_fields)
    return list(HostLine.model_fields if len(path) > 1 else HostsFile.model_fields)


def _line(document: Document, path: tuple[str, ...]) -> int | None:
    for length in range(len(path), 0, -1):
        if path[:length] in document.places:
            return document.places[path[:length]].line
    return None
