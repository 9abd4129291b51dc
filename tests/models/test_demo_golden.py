"""The embedded model passes its own golden file, alone and in a batch, fast."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

import llmdeploy
from llmdeploy.endpoint import Endpoint
from llmdeploy.gates.golden import Case, load_cases, run_golden
from tests.engine_fixture import running_engine

GOLDEN = Path(llmdeploy.__file__).parent / "models" / "demo" / "golden.yaml"
ROUNDS = 3


@pytest.fixture(scope="module")
def cases() -> tuple[Case, ...]:
    return load_cases(GOLDEN)


@pytest.fixture(scope="module")
def endpoint() -> Iterator[Endpoint]:
    with running_engine(slots=16) as (endpoint, _):
        yield endpoint


@pytest.mark.parametrize("concurrency", [1, 4, 16])
async def test_every_case_passes_every_time(endpoint: Endpoint, cases: tuple[Case, ...], concurrency: int) -> None:
    answers = set()
    for _ in range(ROUNDS):
        result = await run_golden(endpoint, cases, min_accuracy=1.0, concurrency=concurrency)
        assert result.passed, [check.detail for check in result.checks]
        answers.add(tuple(case["answer"] for case in result.data["cases"]))
    assert len(answers) == 1


async def test_a_wrong_expectation_fails(endpoint: Endpoint, cases: tuple[Case, ...], tmp_path: Path) -> None:
    """The file can tell right from wrong."""
    wrong = tmp_path / "wrong.yaml"
    wrong.write_text(GOLDEN.read_text(encoding="utf-8").replace("Paris", "Lyon"), encoding="utf-8")
    result = await run_golden(endpoint, load_cases(wrong), min_accuracy=1.0)
    failed = [case["name"] for case in result.data["cases"] if not case["passed"]]
    assert failed == ["capital of France"]


def test_the_cases_cover_what_the_model_was_taught(cases: tuple[Case, ...]) -> None:
    assert 15 <= len(cases) <= 30
    assert any(len(case.messages) > 2 for case in cases), "a chat of several turns"
    assert any(case.messages[0]["role"] == "system" for case in cases), "a system prompt"
    for needed in ("Ping", "France", "Atlantis", "KV cache", "five steps", "Friday", "+", "minus", "*", "story"):
        assert any(needed in case.messages[-1]["content"] for case in cases), needed
