"""`bundle` in the words of its user."""

from __future__ import annotations

from pathlib import Path

from tests.command import llmdeploy


def test_without_a_plan_it_says_what_comes_first(tmp_path: Path) -> None:
    result = llmdeploy("bundle", cwd=tmp_path)
    assert result.exit_code == 2
    assert "llmdeploy up" in result.stderr


def test_a_deployment_on_this_machine_needs_none(tmp_path: Path) -> None:
    assert llmdeploy("prepare", cwd=tmp_path).exit_code == 0
    result = llmdeploy("bundle", cwd=tmp_path)
    assert result.exit_code == 2
    assert "bundles are for the targets onprem and edge" in result.stderr


def test_up_from_a_file_that_is_no_bundle_stops_before_anything_is_done(tmp_path: Path) -> None:
    (tmp_path / "other.tar").write_bytes(b"no archive" * 1000)
    result = llmdeploy("up", "--bundle", "other.tar", cwd=tmp_path)
    assert result.exit_code != 0
    assert "other.tar is no bundle" in result.stderr
    assert not (tmp_path / ".llmdeploy" / "demo" / "plan.json").exists()
