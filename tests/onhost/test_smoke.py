"""The test before the rotation, against a real engine."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

import llmdeploy
from llmdeploy.endpoint import Endpoint
from llmdeploy.onhost.smoke import main, some
from tests.engine_fixture import running_engine

GOLDEN = Path(llmdeploy.__file__).parent / "models" / "demo" / "golden.yaml"


@pytest.fixture(scope="module")
def engine() -> Iterator[Endpoint]:
    with running_engine(slots=2) as (endpoint, _):
        yield endpoint


@pytest.fixture
def argv(engine: Endpoint, tmp_path: Path) -> list[str]:
    key = tmp_path / "key"
    key.write_text(engine.key.reveal())
    return ["--url", engine.url, "--model", engine.model, "--key-file", str(key), "--seconds", "60"]


def test_a_good_engine_passes(argv: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*argv, "--golden", str(GOLDEN), "--cases", "4"]) == 0
    assert capsys.readouterr().out == "smoke passed, 4 golden prompt(s)\n"


def test_a_wrong_answer_is_named_in_one_line(
    argv: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    golden = tmp_path / "golden.yaml"
    golden.write_text("cases: [{name: moon, prompt: Ping, expect: {equals: Moon.}}]\n")
    assert main([*argv, "--golden", str(golden)]) == 6
    assert capsys.readouterr().err == (
        "smoke: golden accuracy 0.000 (0 of 1 cases), wanted >= 1: moon: is not 'Moon.'\n"
    )


def test_another_model_is_no_pass(argv: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    argv[argv.index("--model") + 1] = "other"
    assert main(argv) == 6
    assert capsys.readouterr().err == "smoke: models: demo\n"


def test_a_missing_key_is_one_line(argv: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    argv[argv.index("--key-file") + 1] = "/nonexistent/key"
    assert main(argv) == 5
    assert (
        capsys.readouterr().err == "smoke: cannot read the engine's key /nonexistent/key: No such file or directory\n"
    )


@pytest.mark.parametrize(("count", "taken"), [(0, 10), (3, 3), (10, 10), (99, 10)])
def test_a_few_prompts_come_from_everywhere_in_the_file(count: int, taken: int) -> None:
    cases = tuple(range(10))
    found = some(cases, count)  # type: ignore[arg-type]
    assert len(found) == taken
    if count == 3:
        assert found == [0, 3, 6]
