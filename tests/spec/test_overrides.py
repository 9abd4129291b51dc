"""Values of the command line: they win over the file, and their faults are told as theirs."""

from __future__ import annotations

import pytest

from llmdeploy.errors import SpecError
from llmdeploy.spec import load_spec, parse_spec

REVISION = "0123456789abcdef"


def test_the_command_line_wins() -> None:
    spec = parse_spec("name: file\naccess: {port: 1}\n", "x", {"name": "line", "workload.slo.ttft_p95": "3s"})
    assert (spec.name, spec.access.port, spec.workload.slo.ttft_p95) == ("line", 1, 3.0)


def test_a_flag_that_was_not_given_changes_nothing() -> None:
    assert parse_spec("name: file", "x", {"name": None, "access.port": None}).name == "file"


@pytest.mark.parametrize("given", [8, "8"])
def test_a_number_may_come_as_a_text(given: object) -> None:
    assert load_spec(None, {"workload.concurrency": given}).workload.concurrency == 8


def test_a_text_of_digits_stays_a_text() -> None:
    overrides = {"model.revision": "1234567", "name": "no", "model.quantization": "Q8_0"}
    spec = load_spec(None, overrides)
    assert (spec.model.revision, spec.name) == ("1234567", "no")
    assert type(spec.model.revision) is str


def test_another_model_leaves_the_revision_and_file_of_the_old_one() -> None:
    text = f'model: {{id: a/b, revision: "{REVISION}", file: b.gguf, quantization: q8_0}}'
    other = parse_spec(text, "x", {"model.id": "c/d"}).model
    assert (other.id, other.revision, other.file, other.quantization) == ("c/d", "", "", "q8_0")
    same = parse_spec(text, "x", {"model.id": "a/b"}).model
    assert (same.revision, same.file) == (REVISION, "b.gguf")


def test_a_model_given_as_a_name_alone_takes_overrides() -> None:
    model = parse_spec("model: a/b", "x", {"model.quantization": "q8_0"}).model
    assert (model.id, model.quantization) == ("a/b", "q8_0")
    both = load_spec(None, {"model": "c/d", "model.quantization": "q8_0"}).model
    assert (both.id, both.quantization) == ("c/d", "q8_0")
    assert parse_spec("model: {quantization: q8_0}", "x", {"model": "c/d"}).model.quantization == "auto"


# the file, the command line, the path told, the message, the hint
FAULTS = [
    ("", {"workload.concurrency": 0}, "workload.concurrency", "0 is less than 1", "whole number"),
    ("", {"workload.concurrency": "many"}, "workload.concurrency", "many is not a whole number", "whole number"),
    ("", {"monitor.interval": "30"}, "monitor.interval", "30 has no unit", "30s"),
    ("", {"workload.concurency": 1}, "workload.concurency", "unknown key", "did you mean concurrency?"),
    ("", {"foo.bar": 1}, "foo.bar", "unknown key", "keys here"),
    ("", {"name.first": "x"}, "name.first", "unknown key", "keys here"),
    ("", {"": 1}, '""', "unknown key", "keys here"),
    ("", {"..": 1}, '"".""', "unknown key", "keys here"),
    ("", {"name": b"x"}, "name", "bytes is not a name", "a to z"),
    ("", {"access": "x"}, "access", "x stands where keys should", "host, port"),
    ("name: file", {"name": "Line"}, "name", "Line is not a name", "a to z"),
    ("data: {policy: private}", {"target": "aws"}, "data.policy", "private does not go with", "local"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "given", "path", "message", "hint"), FAULTS, ids=[str(fault[1]) for fault in FAULTS])
def test_a_fault_of_the_command_line(text: str, given: dict[str, object], path: str, message: str, hint: str) -> None:
    with pytest.raises(SpecError) as caught:
        parse_spec(text, "llmdeploy.yaml", given)
    (problem,) = caught.value.problems
    assert problem.path.startswith(path)
    assert problem.message.startswith(message)
    assert hint in problem.hint
    assert problem.line is None
    assert problem.source == "command line"
    assert problem.source == caught.value.source == "command line"


def test_faults_of_file_and_command_line_come_together() -> None:
    with pytest.raises(SpecError) as caught:
        parse_spec("name: ok\nengine: x\nworkload: 5\n", "f.yaml", {"access.port": 0, "workload.concurrency": 1})
    assert caught.value.source == "f.yaml"
    assert [(one.path, one.line) for one in caught.value.problems] == [
        ("access.port", None),
        ("engine", 2),
        ("workload", 3),
    ]
