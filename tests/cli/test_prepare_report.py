"""`llmdeploy prepare --report`: the requirement report beside the plan."""

from __future__ import annotations

import json
from pathlib import Path

from tests.command import llmdeploy


def test_both_forms_are_written_where_it_is_asked_for(tmp_path: Path) -> None:
    ran = llmdeploy("prepare", "--model", "qwen3-8b", "--target", "aws", "--report", "out", cwd=tmp_path)
    assert ran.exit_code == 0, ran.stderr
    plan = json.loads((tmp_path / ".llmdeploy/demo/plan.json").read_text())
    for name in ("requirements.md", "requirements.html"):
        said = (tmp_path / "out" / name).read_text()
        assert f"{plan['price_per_month']:,.0f} USD" in said
        assert plan["instance"] in said


def test_without_it_nothing_is_written_but_the_state(tmp_path: Path) -> None:
    assert llmdeploy("prepare", cwd=tmp_path).exit_code == 0
    assert [one.name for one in tmp_path.iterdir()] == [".llmdeploy"]


def test_a_folder_that_is_a_file_is_told(tmp_path: Path) -> None:
    (tmp_path / "out").write_text("")
    ran = llmdeploy("prepare", "--report", "out", cwd=tmp_path)
    assert ran.exit_code == 5
    assert "the report cannot be written" in ran.stderr
    assert str(tmp_path / "out") in ran.stderr
    assert "Traceback" not in ran.stderr
