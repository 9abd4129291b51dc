from __future__ import annotations

from pathlib import Path

import pytest

from llmdeploy.errors import SpecError
from llmdeploy.gates.cases import Case, Expect, load_cases

GOOD = """\
cases:
  - name: capital
    prompt: What is the capital of France?
    system: Be short.
    max_tokens: 20
    weight: 2.5
    expect:
      contains: [Paris, capital]
      not_contains: London
      regex: ^The .* Paris
      max_latency: 500ms
  - name: talk
    messages:
      - {role: user, content: Hi}
      - {role: assistant, content: Hello}
      - {role: user, content: 7 * 8}
    expect: {equals: "56"}
  - name: json
    prompt: Answer in JSON.
    expect:
      json_schema: {type: object, required: [answer]}
"""


def written(folder: Path, content: str | bytes) -> Path:
    path = folder / "golden.yaml"
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def problems(folder: Path, content: str | bytes) -> list[tuple[str, int | None, str]]:
    with pytest.raises(SpecError) as failure:
        load_cases(written(folder, content))
    return [(one.path, one.line, f"{one.message}; {one.hint}") for one in failure.value.problems]


def test_a_good_file(tmp_path: Path) -> None:
    capital, talk, structured = load_cases(written(tmp_path, GOOD))
    assert capital == Case(
        name="capital",
        messages=(
            {"role": "system", "content": "Be short."},
            {"role": "user", "content": "What is the capital of France?"},
        ),
        expect=Expect(
            contains=("Paris", "capital"), not_contains=("London",), regex="^The .* Paris", max_latency_s=0.5
        ),
        max_tokens=20,
        weight=2.5,
    )
    assert [message["role"] for message in talk.messages] == ["user", "assistant", "user"]
    assert talk.expect == Expect(equals="56")
    assert structured.expect.json_schema == {"type": "object", "required": ["answer"]}


def test_every_problem_is_told_at_once_with_its_path_and_line(tmp_path: Path) -> None:
    content = """\
cases:
  - name: one
    promt: What?
    expect:
      equals: 42
      max_latency: 2 parsecs
  - name: one
    prompt: What?
    expect: {}
    weight: heavy
  - prompt: What?
    messages: []
    expect: {regex: "(", contain: x}
"""
    found = problems(tmp_path, content)
    assert [(path, line) for path, line, _ in found] == [
        ("cases[0].promt", 3),
        ("cases[0]", 2),
        ("cases[0].expect.equals", 5),
        ("cases[0].expect.max_latency", 6),
        ("cases[1].weight", 10),
        ("cases[1].expect", 9),
        ("cases[2].name", 11),
        ("cases[2]", 11),
        ("cases[2].expect.contain", 13),
        ("cases[2].expect.regex", 13),
        ("cases[1].name", 7),
    ]
    said = [text for _, _, text in found]
    assert "did you mean prompt?" in said[0]
    assert "'42' is read as int, not as text; write it in quotes: '42'" in said[2]
    assert "'2 parsecs' is not a duration" in said[3]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("", "empty"),
        ("cases: []", "there is no case"),
        ("- name: x", "not keys with values"),
        ("cases: 3", "not a list"),
        ("cases: [3]", "not keys with values"),
        ("cases:\n  - name: x\n   prompt: y", "not YAML"),
        ("cases: [{name: a, name: b, prompt: c, expect: {equals: d}}]", "there twice"),
        ("cases: [{name: a, prompt: ' ', expect: {equals: ''}}]", "is empty"),
        ("cases: [{name: [a], prompt: b, expect: {equals: c}}]", "not one value"),
        ("cases: [{name: a, messages: [{role: robot, content: x}], expect: {equals: c}}]", "no role"),
        ("cases: [{name: a, prompt: b, max_tokens: 0, expect: {equals: c}}]", "not a whole number above 0"),
        ("cases: [{name: a, prompt: b, max_tokens: 1.5, expect: {equals: c}}]", "not a whole number above 0"),
        ("cases: [{name: a, prompt: b, expect: {json_schema: {type: thing}}}]", "not a JSON Schema"),
        ("cases: [{name: a, prompt: b, expect: {json_schema: {const: 2020-01-01}}}]", "not JSON"),
        ("cases: [{name: a, prompt: b, expect: {json_schema: !!python/name:os.system x}}]", "not JSON"),
        ("a: &a [x]\nb: *a", "alias"),
        ("[" * 5000, "nested too deeply"),
        (b"cases: \xff", "not UTF-8"),
        (b"\xff\xfec\x00", "not UTF-8"),
        (b"cases: \x00", "not YAML"),
        (b"#" * (2**18 + 1), "larger than"),
        ("cases:\n" + "- {}\n" * 10_000, "not read on after 50 problems"),
        ("cases: [{name: a, prompt: b, expect: {max_latency: " + "9" * 10_000 + "}}]", "999...' is not a duration"),
    ],
)
def test_a_bad_file_is_told_and_not_raised_through(tmp_path: Path, content: str | bytes, said: str) -> None:
    assert any(said in text for _, _, text in problems(tmp_path, content))


def test_a_file_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(SpecError, match="cannot be read: No such file"):
        load_cases(tmp_path / "missing.yaml")
    with pytest.raises(SpecError, match="cannot be read: Is a directory"):
        load_cases(tmp_path)
