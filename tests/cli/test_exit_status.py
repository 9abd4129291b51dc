"""Whose turn it is, by exit code."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.command import llmdeploy


@pytest.mark.parametrize(
    ("args", "code", "said"),
    [
        (["--version"], 0, "llmdeploy 0."),
        (["--help"], 0, "Take the five steps"),
        (["schema"], 0, '"$schema"'),
        (["frobnicate"], 2, "there is no verb frobnicate"),
        (["stauts"], 2, "did you mean status?"),
        (["up", "--nonsense"], 2, "--nonsense"),
        (["status"], 2, "there is no deployment"),
        (["status", "--name", "ghost"], 2, "there is no deployment ghost"),
        (["up", "--port", "99999"], 3, "access.port"),
        (["up", "--spec", "absent.yaml"], 3, "absent.yaml"),
        (["up", "--model", "no-such-model"], 3, "model.id: no-such-model"),
        (["up", "--model", "qwen3-0.6"], 3, "did you mean"),
        (["up", "--target", "aws"], 3, "target: aws is not available in this version"),
        (["prepare", "--engine", "rules"], 3, "engine"),
    ],
)
def test_exit_code_and_message(tmp_path: Path, args: list[str], code: int, said: str) -> None:
    result = llmdeploy(*args, cwd=tmp_path)
    assert said in result.stdout + result.stderr
    assert result.exit_code == code
    assert "Traceback" not in result.stderr


def test_every_problem_of_a_spec_is_told_with_line_and_hint(tmp_path: Path) -> None:
    (tmp_path / "llmdeploy.yaml").write_text("nmae: x\nworkload:\n  slo:\n    ttft_p95: 2 parsecs\n")
    result = llmdeploy("prepare", cwd=tmp_path)
    assert result.exit_code == 3
    assert "error: nmae: " in result.stderr
    assert "did you mean name?" in result.stderr
    assert "error: workload.slo.ttft_p95: 2 parsecs is not a duration (llmdeploy.yaml:4)" in result.stderr


def test_json_carries_the_error(tmp_path: Path) -> None:
    result = llmdeploy("prepare", "--json", "--model", "no-such-model", cwd=tmp_path)
    assert result.json["error"]["exit_code"] == 3
    assert not result.json["ok"]


def test_init_never_overwrites(tmp_path: Path) -> None:
    assert llmdeploy("init", cwd=tmp_path).exit_code == 0
    assert llmdeploy("prepare", cwd=tmp_path).exit_code == 0
    (tmp_path / "llmdeploy.yaml").write_text("name: mine\n")
    assert llmdeploy("init", cwd=tmp_path).exit_code == 2
    assert (tmp_path / "llmdeploy.yaml").read_text() == "name: mine\n"


def test_a_bug_is_saved_and_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> None:
        raise RuntimeError("wires crossed")

    monkeypatch.setattr("llmdeploy.cli.prepare.read_spec", broken)
    result = llmdeploy("prepare", cwd=tmp_path)
    assert result.exit_code == 1
    assert "RuntimeError: wires crossed" in result.stderr
    saved = next((tmp_path / ".llmdeploy").glob("bug-*.txt"))
    assert str(saved) in result.stderr
    assert "Traceback" in saved.read_text()
