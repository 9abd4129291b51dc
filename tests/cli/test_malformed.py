"""No spec, however broken, shows a traceback."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.command import llmdeploy
from tests.spec.corpus import MALFORMED


@pytest.mark.parametrize("name", sorted(MALFORMED))
def test_exit_3_and_one_clear_line_each(tmp_path: Path, name: str) -> None:
    (tmp_path / "llmdeploy.yaml").write_bytes(MALFORMED[name])
    result = llmdeploy("prepare", cwd=tmp_path)
    assert result.exit_code == 3, result.stderr
    assert result.stderr.startswith("error: ")
    assert "Traceback" not in result.stderr
    assert "pydantic" not in result.stderr


def test_fifty_megabytes_are_refused_unread(tmp_path: Path) -> None:
    with (tmp_path / "llmdeploy.yaml").open("wb") as file:
        file.truncate(50 * 2**20)
    result = llmdeploy("prepare", cwd=tmp_path)
    assert result.exit_code == 3
    assert "MiB" in result.stderr
