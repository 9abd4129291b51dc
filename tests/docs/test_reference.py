"""docs/reference/ is what the code says, and the check notices when it is not."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from scripts.generating.pages import differing, pages, write

from tests.checkout import ROOT

REFERENCE = ROOT / "docs/reference"


def check(folder: Path) -> subprocess.CompletedProcess[str]:
    """`scripts/generate --check` with another folder, in the environment of this test."""
    command = [sys.executable, "-I", str(ROOT / "scripts/generating"), "--check", "--out", str(folder)]
    return subprocess.run(command, capture_output=True, text=True)


def test_the_reference_is_up_to_date() -> None:
    assert [path.name for path in differing(REFERENCE)] == [], "run scripts/generate"


def test_the_check_is_silent_where_nothing_differs(tmp_path: Path) -> None:
    write(tmp_path)
    result = check(tmp_path)
    assert (result.returncode, result.stdout, result.stderr) == (0, "", "")


@pytest.mark.parametrize("name", sorted(pages()))
def test_a_changed_page_is_named_and_fails_the_check(name: str, tmp_path: Path) -> None:
    write(tmp_path)
    (tmp_path / name).write_text("other\n")
    result = check(tmp_path)
    assert result.returncode == 1
    assert f"differs: {tmp_path / name}" in result.stderr
    assert "hint: run scripts/generate" in result.stderr


def test_missing_and_foreign_pages_fail_the_check_and_are_mended(tmp_path: Path) -> None:
    write(tmp_path)
    (tmp_path / "cli.md").unlink()
    (tmp_path / "old.md").write_text("from a verb that is gone\n")
    assert [path.name for path in differing(tmp_path)] == ["cli.md", "old.md"]
    assert check(tmp_path).returncode == 1
    write(tmp_path)
    assert differing(tmp_path) == []
