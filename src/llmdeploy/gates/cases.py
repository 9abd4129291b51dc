"""Reads a golden file: a closed YAML of prompts and what their answers must be like."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from llmdeploy.errors import Problem, SpecError
from llmdeploy.gates.yaml_nodes import NodeReader, root_node, shown

if TYPE_CHECKING:
    from yaml import Node

LONGEST_REASON = 200  # characters of another library's message
MAX_TOKENS = 128  # of an answer, where a case does not say
ROLES = ("system", "user", "assistant")


@dataclass(frozen=True)
class Expect:
    """What an answer must be like; an empty field asks nothing. Texts are compared as written, case and all.

    `equals` ignores white space around the answer; `contains` wants every text, `not_contains` none; `regex` is
    searched with Python's `re`; `json_schema` wants an answer that is JSON and valid; `max_latency_s` bounds the whole
    answer.
    """

    equals: str | None = None
    contains: tuple[str, ...] = ()
    not_contains: tuple[str, ...] = ()
    regex: str | None = None
    json_schema: Mapping[str, Any] | bool | None = None
    max_latency_s: float | None = None


@dataclass(frozen=True)
class Case:
    """One prompt with its expectation. `weight` is its share of the score against the others'."""

    name: str
    messages: tuple[Mapping[str, str], ...]
    expect: Expect = field(default_factory=Expect)
    max_tokens: int = MAX_TOKENS
    weight: float = 1.0


def load_cases(path: Path) -> tuple[Case, ...]:
    """The cases of a golden file. Raises `SpecError` with every problem found, each with its path and line."""
    reader = _Cases(str(path))
    cases = reader.file(root_node(path))
    if reader.problems:
        raise SpecError(reader.problems, str(path))
    return cases


class _Cases(NodeReader):
    def file(self, node: Node | None) -> tuple[Case, ...]:
        if node is None:
            self.problems.append(Problem("cases", "the file is empty", "write a list of cases under `cases:`", 1))
            return ()
        fields = self.fields(node, "", required=("cases",))
        nodes = self.entries(fields["cases"], "cases") if "cases" in fields else []
        if "cases" in fields and not nodes:
            self.wrong(fields["cases"], "cases", "there is no case", "write at least one")
        cases = tuple(self._case(one, f"cases[{index}]") for index, one in enumerate(nodes))
        seen: set[str] = set()
        for index, case in enumerate(cases):
            if case.name and case.name in seen:
                self.wrong(nodes[index], f"cases[{index}].name", f"{shown(case.name)} is there twice", "rename one")
            seen.add(case.name)
        return cases

    def _case(self, node: Node, path: str) -> Case:
        optional = ("prompt", "messages", "system", "max_tokens", "weight")
        fields = self.fields(node, path, required=("name", "expect"), optional=optional)
        max_tokens = self.number(fields, "max_tokens", path, whole=True)
        weight = self.number(fields, "weight", path)
        return Case(
            name=self.text(fields, "name", path) or "",
            messages=self._messages(node, fields, path),
            expect=self._expect(fields["expect"], f"{path}.expect") if "expect" in fields else Expect(),
            max_tokens=MAX_TOKENS if max_tokens is None else int(max_tokens),
            weight=1.0 if weight is None else weight,
        )

    def _messages(self, node: Node, fields: dict[str, Node], path: str) -> tuple[dict[str, str], ...]:
        if ("prompt" in fields) == ("messages" in fields):
            self.wrong(node, path, "needs either prompt or messages", "write one of the two")
        messages = []
        if system := self.text(fields, "system", path):
            messages.append({"role": "system", "content": system})
        if prompt := self.text(fields, "prompt", path):
            messages.append({"role": "user", "content": prompt})
        if "messages" in fields:
            for index, one in enumerate(self.entries(fields["messages"], f"{path}.messages")):
                messages.append(self._message(one, f"{path}.messages[{index}]"))
        return tuple(messages)

    def _message(self, node: Node, path: str) -> dict[str, str]:
        fields = self.fields(node, path, required=("role", "content"))
        role = self.text(fields, "role", path) or ""
        if role and role not in ROLES:
            self.wrong(fields["role"], f"{path}.role", f"{shown(role)} is no role", f"one of {', '.join(ROLES)}")
        return {"role": role, "content": self.text(fields, "content", path) or ""}

    def _expect(self, node: Node, path: str) -> Expect:
        kinds = ("equals", "contains", "not_contains", "regex", "json_schema", "max_latency")
        fields = self.fields(node, path, optional=kinds)
        if not fields:
            self.wrong(node, path, "nothing is expected", f"write at least one of {', '.join(kinds)}")
        return Expect(
            equals=self.text(fields, "equals", path),
            contains=self.texts(fields, "contains", path),
            not_contains=self.texts(fields, "not_contains", path),
            regex=self._regex(fields, path),
            json_schema=self._schema(fields, path),
            max_latency_s=self._duration(fields, "max_latency", path),
        )

    def _regex(self, fields: dict[str, Node], path: str) -> str | None:
        pattern = self.text(fields, "regex", path)
        try:
            re.compile(pattern or "")
        except (re.error, RecursionError, OverflowError) as error:
            self.wrong(fields["regex"], f"{path}.regex", f"not a regular expression: {error}", "see Python's re")
        return pattern

    def _schema(self, fields: dict[str, Node], path: str) -> Any:
        if "json_schema" not in fields:
            return None
        from jsonschema import Draft202012Validator, SchemaError
        from yaml.constructor import ConstructorError, SafeConstructor

        try:
            schema = SafeConstructor().construct_document(fields["json_schema"])
            json.dumps(schema, allow_nan=False)
            Draft202012Validator.check_schema(schema)
        except SchemaError as error:
            why = f"not a JSON Schema: {error.message[:LONGEST_REASON]}"
        except (ConstructorError, TypeError, ValueError, RecursionError) as error:
            why = f"not JSON: {' '.join(str(error).split())[:LONGEST_REASON]}"
        else:
            return schema
        self.wrong(fields["json_schema"], f"{path}.json_schema", why, "write a JSON Schema of draft 2020-12")
        return None

    def _duration(self, fields: dict[str, Node], key: str, path: str) -> float | None:
        text = self.scalar(fields, key, path)
        if text is None:
            return None
        from llmdeploy.units import parse_duration  # here, because its package loads all of the spec

        if not (seconds := parse_duration(text)):
            self.wrong(fields[key], f"{path}.{key}", f"{shown(text)} is not a duration", "write 500ms or 2s")
            return None
        return seconds
