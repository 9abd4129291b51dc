from __future__ import annotations

from pathlib import Path
from time import perf_counter

import pytest

from llmdeploy.adapters.openai_client import Outcome
from llmdeploy.endpoint import Endpoint
from llmdeploy.gates.golden import Case, Expect, load_cases, problems_of, run_golden
from llmdeploy.gates.patterns import Patterns
from tests.gates import misbehaving_servers as servers

CAPITALS = {"France": "Paris", "Japan": "Tokyo", "Italy": "Rome", "Spain": "Madrid"}


def case(name: str, prompt: str, weight: float = 1.0, **expect: object) -> Case:
    return Case(name, ({"role": "user", "content": prompt},), Expect(**expect), weight=weight)  # type: ignore[arg-type]


def capitals(**weights: float) -> list[Case]:
    return [
        case(country, f"What is the capital of {country}?", weights.get(country, 1.0), contains=(city,))
        for country, city in CAPITALS.items()
    ]


async def test_right_expectations_pass(engine: Endpoint) -> None:
    result = await run_golden(engine, capitals(), 1.0)
    assert result.passed
    assert result.checks[0].value == "1.000 (4 of 4 cases)"
    assert result.checks[0].bound == ">= 1"
    assert [one["name"] for one in result.data["cases"]] == list(CAPITALS)
    assert all("capital" in one["answer"] for one in result.data["cases"])


async def test_a_wrong_expectation_fails_the_gate_only_when_the_score_falls_below(engine: Endpoint) -> None:
    cases = [*capitals(France=2.0), case("wrong", "What is the capital of Peru?", contains=("Oslo",))]
    for min_accuracy, passed in ((0.8, True), (0.84, False)):
        result = await run_golden(engine, cases, min_accuracy)
        assert (result.passed, len(result.checks)) == (passed, 1)
        assert result.data["accuracy"] == 0.8333  # 5 of 6 by weight
        assert result.checks[0].detail == "wrong: lacks 'Oslo'"
        assert [one["name"] for one in result.data["cases"] if not one["passed"]] == ["wrong"]


async def test_a_file_against_the_real_engine(engine: Endpoint, tmp_path: Path) -> None:
    path = tmp_path / "golden.yaml"
    path.write_text(
        "cases:\n"
        "- name: product\n"
        "  prompt: 7*8\n"
        "  expect: {equals: 7 * 8 = 56., regex: '= 5\\d', not_contains: [do not know], max_latency: 5s}\n"
        "- name: day\n"
        "  prompt: what day is after friday?\n"
        "  expect: {regex: ^saturday}\n"
    )
    result = await run_golden(engine, load_cases(path), 0.5)
    assert result.passed
    assert [one["problems"] for one in result.data["cases"]] == [[], ["does not match ^saturday"]]


async def test_a_failed_request_is_a_failed_case() -> None:
    async with servers.answers_500() as endpoint:
        result = await run_golden(endpoint, capitals(), 0.5)
    assert not result.passed
    assert result.data["cases"][0]["problems"] == ["http 500: out of memory"]


async def test_no_case_is_no_pass(engine: Endpoint) -> None:
    assert not (await run_golden(engine, [], 0.0)).passed


async def test_the_deadline_is_of_the_gate() -> None:
    started = perf_counter()
    async with servers.never_answers() as endpoint:
        result = await run_golden(endpoint, capitals() * 5, 0.5, deadline_s=0.3)
    assert perf_counter() - started < 1
    assert {problem for one in result.data["cases"] for problem in one["problems"]} == {"timeout"}


@pytest.mark.parametrize(
    ("expect", "text", "problems"),
    [
        (Expect(equals="Paris"), " Paris\n", []),
        (Expect(equals="Paris"), "paris", ["is not 'Paris'"]),
        (Expect(contains=("a", "b")), "a", ["lacks 'b'"]),
        (Expect(not_contains=("a", "b")), "ba", ["has 'a'", "has 'b'"]),
        (Expect(regex=r"\d+ km"), "about 42 km", []),
        (Expect(json_schema={"type": "object"}), '{"a": 1}', []),
        (Expect(json_schema={"properties": {"a": {"type": "string"}}}), '{"a": 1}', ["$.a: 1 is not of type 'string'"]),
        (Expect(json_schema=True), "```json\n{}\n```", ["is not JSON: Expecting value: line 1 column 1 (char 0)"]),
        (Expect(max_latency_s=0.5), "slow", ["took 1.000 s, more than 0.5 s"]),
    ],
)
async def test_expectations(expect: Expect, text: str, problems: list[str]) -> None:
    outcome = Outcome(scheduled=1.0, end=2.0, text=text)
    async with Patterns() as patterns:
        assert await problems_of(expect, outcome, patterns) == problems


async def test_a_regular_expression_that_would_take_years_is_ended_and_the_next_one_answers() -> None:
    started = perf_counter()
    async with Patterns(patience_s=0.6) as patterns:
        assert await patterns.wrong("regex", "(a+)+$", "a" * 40 + "!") == "regex took longer than 0.6 s"
        assert await patterns.wrong("regex", "b", "abc") == ""
    assert perf_counter() - started < 3


async def test_a_schema_is_not_fetched_from_elsewhere() -> None:
    asked = []

    async def handler(request: servers.Request) -> None:
        asked.append(request.path)
        await request.answer(200, {})

    async with servers.serving(handler) as endpoint, Patterns() as patterns:
        said = await patterns.wrong("json_schema", {"$ref": f"{endpoint.url}/schema"}, "{}")
    assert "cannot be checked" in said
    assert asked == []
