"""A skipped test is green on a developer's machine and red in CI, unless its reason is on the list."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

CONFTEST = Path(__file__).parents[1] / "conftest.py"
MODULES = {
    "by_call": "import pytest\ndef test_x(): pytest.skip('no chromium')\n",
    "by_mark": "import pytest\n@pytest.mark.skip(reason='no chromium')\ndef test_x(): pass\n",
    "by_condition": "import pytest\n@pytest.mark.skipif(True, reason='no chromium')\ndef test_x(): pass\n",
    "as_a_module": "import pytest\npytest.skip('no chromium', allow_module_level=True)\n",
    "by_import": "import pytest\npytest.importorskip('no_such_module', reason='no chromium')\n",
}


def run(folder: Path, text: str, ci: str) -> subprocess.CompletedProcess[str]:
    """Run pytest on one module beside a copy of the conftest."""
    shutil.copy(CONFTEST, folder)
    (folder / "test_one.py").write_text(text + "def test_runs(): pass\n")
    command = [sys.executable, "-I", "-m", "pytest", "-rs", "-p", "no:cacheprovider", str(folder)]
    environ = {**os.environ, "CI": ci}
    return subprocess.run(command, cwd=folder, env=environ, capture_output=True, text=True)


@pytest.mark.parametrize("how", MODULES)
def test_ci_counts_a_skip_as_a_failure(how: str, tmp_path: Path) -> None:
    result = run(tmp_path, MODULES[how], "true")
    assert result.returncode != 0
    assert "which CI does not accept (tests/conftest.py): no chromium" in result.stdout


def test_elsewhere_a_skip_is_printed_with_its_reason(tmp_path: Path) -> None:
    result = run(tmp_path, MODULES["by_call"], "")
    assert result.returncode == 0
    assert "SKIPPED [1] test_one.py:2: no chromium" in result.stdout


def test_ci_accepts_the_reasons_on_the_list(tmp_path: Path) -> None:
    result = run(tmp_path, MODULES["by_mark"].replace("no chromium", "needs an NVIDIA GPU"), "true")
    assert result.returncode == 0


def test_an_expected_failure_is_not_a_skip(tmp_path: Path) -> None:
    text = "import pytest\n@pytest.mark.xfail(reason='known')\ndef test_x(): raise ValueError\n"
    assert run(tmp_path, text, "true").returncode == 0
