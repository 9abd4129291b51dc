"""The JSON Schema for editors, the commented spec and the parser say the same."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from llmdeploy.errors import SpecError
from llmdeploy.spec import Spec, commented_spec, parse_spec, spec_schema
from llmdeploy.spec.walk import field_paths, kind_of, section_at

from .corpus import MALFORMED

SCHEMA = Draft202012Validator(spec_schema())
PATHS = [path for path in field_paths() if section_at(path) is None]
VALUES: list[Any] = [
    None, True, False, 0, 1, -1, 2, 4, 4.0, 0.5, 0.95, 1.5, 7, 80, 4096, 4097, 65535, 65536, 10**7, 10**30, 1e300,
    "", " ", "demo", "Demo", "my-llm", "a-", "a" * 41, "local", "aws", "AWS", "auto", "vllm", "any", "private",
    "q4_k_m", "Q4_K_M", "Q4_K_m", "abcdef0", "ABCDEF0", "main", "a.gguf", "/a", "../a", "a/b", "a/../b", "a..b", "a\\b",
    "127.0.0.1", "::1", "fe80::1", "localhost", "a.example.com", "256.1.1.1", "http://a", "a:80",
    "2s", "2 s", "250ms", " 2s", "2", "2 parsecs", "0s", "9999d", "16GiB", "1 tib", "500mb", "16", "1B", "9999TiB",
    "1500 USD", "$1500", "5 eur", "5.001 USD", "-5 USD", "x\ty", "é", [], [1], {}, {"a": 1}, {"id": "demo"},
]  # fmt: skip
BOUND = re.compile(r" is (less|more) than \S+$")


def tree(path: tuple[str, ...], value: Any) -> Any:
    for part in reversed(path):
        value = {part: value}
    return value


def fields(schema: dict[str, Any], path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], dict[str, Any]]]:
    for name, inner in schema.get("properties", {}).items():
        yield (*path, name), inner
        yield from fields(next((one for one in inner.get("anyOf", []) if "properties" in one), inner), (*path, name))


def refusals(text: str) -> list[str]:
    try:
        parse_spec(text, "x")
    except SpecError as error:
        return [problem.message for problem in error.problems]
    return []


def test_the_schema_is_one() -> None:
    Draft202012Validator.check_schema(spec_schema())
    assert json.loads(json.dumps(spec_schema())) == spec_schema()
    assert spec_schema()["title"]
    assert spec_schema()["$schema"].startswith("https://json-schema.org/")


def test_every_field_is_described_in_one_line() -> None:
    described = dict(fields(spec_schema()))
    assert set(described) == set(field_paths())
    for path, schema in described.items():
        assert schema["description"], path
        assert "\n" not in schema["description"]


def test_the_commented_spec_is_valid_by_the_schema() -> None:
    assert SCHEMA.is_valid(yaml.safe_load(commented_spec()))


def test_the_defaults_of_the_schema_are_those_of_the_parser() -> None:
    dump = Spec().model_dump(mode="json")
    for path, schema in fields(spec_schema()):
        if "default" in schema:
            value: Any = dump
            for part in path:
                value = value[part]
            assert schema["default"] == value, path


def test_every_field_stands_in_the_commented_spec() -> None:
    commented = re.sub(r"(?m)^( *)# (\w+:)", r"\1\2", commented_spec())
    loaded = yaml.safe_load(commented)
    for path in field_paths():
        value: Any = loaded
        for part in path:
            assert part in value, path
            value = value[part]


def test_the_optional_lines_of_the_commented_spec_are_valid_too() -> None:
    commented = re.sub(r"(?m)^( *)# (\w+:)", r"\1\2", commented_spec())
    assert commented != commented_spec()
    spec = parse_spec(commented, "x")
    assert SCHEMA.is_valid(yaml.safe_load(commented))
    for path in PATHS:
        value: Any = spec
        for part in path:
            value = getattr(value, part)
        assert value not in (None, ""), path


@pytest.mark.parametrize("path", PATHS, ids=".".join)
def test_schema_and_parser_agree_on_values(path: tuple[str, ...]) -> None:
    for value in VALUES:
        written = tree(path, value)
        said = refusals(json.dumps(written))
        if SCHEMA.is_valid(written):
            assert all(BOUND.search(message) or _is_of_a_rule(message) for message in said), (value, said)
        else:
            assert said, value


def _is_of_a_rule(message: str) -> bool:
    known = (
        "the open loop alone",
        "this is the rate",
        "250ms for the whole answer",
        "is needed for mail",
        "a login has",
        "no ACME authority",
    )
    return message.startswith(known)


@pytest.mark.parametrize("path", [path for path in field_paths() if section_at(path)], ids=".".join)
def test_schema_and_parser_agree_on_sections(path: tuple[str, ...]) -> None:
    values: tuple[Any, ...] = (None, {}, {"nonsense": 1}, [], "demo", 5, True)
    for value in values:
        assert SCHEMA.is_valid(tree(path, value)) == (not refusals(json.dumps(tree(path, value)))), value


def test_what_the_schema_refuses_the_parser_refuses() -> None:
    for name, text in MALFORMED.items():
        if len(text) < 10_000:
            try:
                loaded = yaml.safe_load(text)
            except (yaml.YAMLError, ValueError, OverflowError):
                continue
            assert SCHEMA.is_valid(loaded) or refusals(text.decode(errors="replace")), name


durations = st.floats(0.001, 3600).map(lambda seconds: round(seconds, 6))
valid_specs = st.fixed_dictionaries(
    {},
    optional={
        "name": st.from_regex(r"[a-z]([a-z0-9-]{0,38}[a-z0-9])?", fullmatch=True),
        "model": st.fixed_dictionaries(
            {"id": st.from_regex(r"[A-Za-z/][A-Za-z0-9./-]{0,29}", fullmatch=True)},
            optional={"quantization": st.sampled_from(["Q8_0", "auto", "bf16"])},
        ),
        "workload": st.fixed_dictionaries(
            {"slo": st.fixed_dictionaries({"ttft_p95": durations, "itl_p95": durations})}
        ),
        "resources": st.fixed_dictionaries({"memory": st.integers(2**24, 2**46)}),
        "budget": st.fixed_dictionaries({"monthly": st.integers(0, 10**9).map(lambda cents: f"{cents / 100:.2f} EUR")}),
        "monitor": st.fixed_dictionaries({"interval": st.floats(1, 86400), "history": st.integers(2**20, 2**40)}),
    },
)


@settings(deadline=None, max_examples=150, suppress_health_check=[HealthCheck.too_slow])
@given(valid_specs)
def test_what_is_dumped_reads_back_equal(values: dict[str, Any]) -> None:
    spec = parse_spec(Spec(**values).model_dump_json(), "x")
    dump = spec.model_dump(mode="json")
    assert SCHEMA.is_valid(dump)
    assert parse_spec(json.dumps(dump), "x") == spec
    assert parse_spec(yaml.safe_dump(dump), "x") == spec
    assert Spec.model_validate(dump) == spec


def test_every_field_has_a_kind() -> None:
    for path in PATHS:
        section = section_at(path[:-1]) or Spec
        assert kind_of(section.model_fields[path[-1]]).hint, path
