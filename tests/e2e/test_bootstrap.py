"""scripts/llmdeploy in a fresh copy of the checkout, in a folder with a space in its name.

Packages come from the package cache of this machine where it has them, else from the reader's package index.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.checkout import ROOT, bare_environment, copy_to

QUIET = subprocess.DEVNULL
NEEDED = ("src/", "scripts/", "requirements/", "pyproject.toml")


def launcher(checkout: Path) -> str:
    return str(checkout / "scripts/llmdeploy")


def variables(**more: str) -> dict[str, str]:
    """This Python for the set-up to build on, and the uv beside it where there is one: for speed."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    return bare_environment(PYTHON=sys.executable, PATH=path) | more


def start(checkout: Path, *arguments: str, **more: str) -> subprocess.CompletedProcess[str]:
    """Run the copy's scripts/llmdeploy from another folder."""
    return subprocess.run(
        [launcher(checkout), *arguments],
        cwd=checkout.parent,
        env=variables(**more),
        capture_output=True,
        text=True,
        timeout=300,
    )


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy that was set up once."""
    copy = copy_to(tmp_path_factory.mktemp("fresh") / "a copy", NEEDED)
    first = start(copy, "--version")
    assert first.returncode == 0, first.stderr
    assert first.stdout.startswith("llmdeploy "), "talk of the set-up belongs to stderr"
    assert "setting up" in first.stderr
    return copy


def site_packages(checkout: Path) -> Path:
    (found,) = (checkout / ".venv/lib").glob("python3.*/site-packages")
    return found


def assert_ready(checkout: Path) -> None:
    """A start with nothing to do, silent on stderr, that runs this checkout's code."""
    again = start(checkout, "--version")
    assert (again.returncode, again.stderr) == (0, "")
    where = "import llmdeploy, click, xllamacpp; print(llmdeploy.__file__)"
    command = [str(checkout / ".venv/bin/python"), "-I", "-c", where]
    found = subprocess.run(command, capture_output=True, text=True)
    assert found.stdout.strip() == str(checkout / "src/llmdeploy/__init__.py"), found.stderr


def test_works_from_any_folder_and_through_a_link(checkout: Path, tmp_path: Path) -> None:
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin/direct").symlink_to(checkout / "scripts/llmdeploy")
    (tmp_path / "twice").symlink_to("bin/direct")
    for command in (["./twice", "--version"], ["bin/direct", "--version"], ["sh", "twice", "--version"]):
        result = subprocess.run(command, cwd=tmp_path, env=bare_environment(), capture_output=True, text=True)
        assert result.stdout.startswith("llmdeploy "), result.stderr
    assert_ready(checkout)


def interrupted(checkout: Path) -> None:
    (checkout / ".venv/.llmdeploy-setup/complete").unlink()
    shutil.rmtree(site_packages(checkout) / "click")


def base_python_removed(checkout: Path) -> None:
    for path in (checkout / ".venv/bin").glob("python*"):
        path.unlink()
        path.symlink_to("/nonexistent/python3")


def emptied(checkout: Path) -> None:
    shutil.rmtree(checkout / ".venv/lib")
    shutil.rmtree(checkout / ".venv/bin")


def other_requirements(checkout: Path) -> None:
    mark = checkout / ".venv/.llmdeploy-setup/complete"
    mark.write_text(mark.read_text().replace("click==", "click==0."))


@pytest.mark.parametrize("break_it", [interrupted, base_python_removed, emptied, other_requirements])
def test_the_next_start_repairs(checkout: Path, break_it: Callable[[Path], None]) -> None:
    break_it(checkout)
    repaired = start(checkout, "--version")
    assert repaired.returncode == 0, repaired.stderr
    assert repaired.stdout.startswith("llmdeploy ")
    assert_ready(checkout)


def test_a_moved_checkout_is_set_up_anew(checkout: Path, tmp_path: Path) -> None:
    """Programs inside an environment name its path: one that moved is rebuilt."""
    moved = tmp_path / "moved here"
    shutil.copytree(checkout, moved, symlinks=True)
    result = start(moved, "--version")
    assert "setting up" in result.stderr
    assert_ready(moved)
    assert str(checkout) not in (moved / ".venv/bin/supervisord").read_text()


def test_killed_at_any_moment_the_next_start_finishes(checkout: Path, tmp_path: Path) -> None:
    copy = copy_to(tmp_path / "killed", NEEDED)
    for delay in (0.1, 0.25, 0.4, 0.6):
        process = subprocess.Popen(launcher(copy), env=variables(), start_new_session=True, stderr=QUIET, stdout=QUIET)
        time.sleep(delay)
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    result = start(copy, "--version")
    assert result.returncode == 0, result.stderr
    assert_ready(copy)


def test_two_first_starts_at_once_wait_for_each_other(tmp_path: Path) -> None:
    copy = copy_to(tmp_path / "twins", NEEDED)
    command = [launcher(copy), "--version"]
    twins = [
        subprocess.Popen(command, env=variables(), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        for _ in range(2)
    ]
    said = [twin.communicate(timeout=300) for twin in twins]
    assert [twin.returncode for twin in twins] == [0, 0], said
    assert sum("setting up" in talk for _, talk in said) == 1
    assert_ready(copy)


def old_python(folder: Path) -> Path:
    """An interpreter that answers as Python 3.9 would, whatever it is asked to run."""
    folder.mkdir()
    old = folder / "python3"
    old.write_text(
        f"""#!/bin/sh
while [ "$1" != -c ]; do shift; done
exec '{sys.executable}' -I -c "import sys; sys.version_info = (3, 9, 2, 'final', 0)
$2"
"""
    )
    old.chmod(0o755)
    return old


def test_an_old_python_is_refused_with_a_hint(checkout: Path, tmp_path: Path) -> None:
    old = old_python(tmp_path / "old")
    named = start(checkout, LLMDEPLOY_VENV=str(tmp_path / "new"), PYTHON=str(old))
    assert named.returncode == 4
    assert f"error: PYTHON={old} is not a Python 3.11 or newer ({old} is 3.9.2)" in named.stderr
    assert "hint: " in named.stderr
    tools = [shutil.which(tool) for tool in ("cat", "readlink", "sh")]
    for tool in filter(None, tools):
        (tmp_path / "old" / Path(tool).name).symlink_to(tool)
    found = start(checkout, LLMDEPLOY_VENV=str(tmp_path / "new"), PYTHON="", PATH=str(tmp_path / "old"))
    assert found.returncode == 4
    assert "error: no Python 3.11 or newer was found (python3 is 3.9.2)" in found.stderr
    assert not (tmp_path / "new").exists()


def test_a_folder_that_is_not_ours_is_left_alone(checkout: Path, tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("three years of work")
    result = start(checkout, LLMDEPLOY_VENV=str(tmp_path))
    assert result.returncode == 4
    assert "was not made by this script" in result.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.txt"]


def test_a_place_that_cannot_be_written_is_named(checkout: Path) -> None:
    result = start(checkout, LLMDEPLOY_VENV="/proc/llmdeploy")
    assert result.returncode == 4
    assert "error: cannot set up /proc/llmdeploy" in result.stderr
    assert "LLMDEPLOY_VENV=/another/folder" in result.stderr
    assert "Traceback" not in result.stderr


def test_a_ready_start_adds_little(checkout: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The figure is printed; the bound is wide, because machines that run tests are busy."""
    direct: list[float] = []
    through: list[float] = []
    for _ in range(15):
        for command, times in (
            ([str(checkout / ".venv/bin/python"), "-I", "-m", "llmdeploy", "--version"], direct),
            ([launcher(checkout), "--version"], through),
        ):
            begin = time.perf_counter()
            subprocess.run(command, env=bare_environment(), capture_output=True, check=True)
            times.append(time.perf_counter() - begin)
    added = statistics.median(through) - statistics.median(direct)
    with capsys.disabled():
        print(f" scripts/llmdeploy adds {added * 1000:.1f} ms to {statistics.median(direct) * 1000:.1f} ms ", end="")  # noqa: T201
    assert added < 0.25


def for_uv(**settings: str) -> dict[str, str]:
    """What the set-up hands to uv, asked of its own module."""
    code = "import json, os, sys; sys.path.insert(0, sys.argv[1]); import pip_settings; "
    code += "print(json.dumps(pip_settings.for_uv(os.environ)[0]))"
    command = [sys.executable, "-I", "-c", code, str(ROOT / "scripts/bootstrap")]
    answer = subprocess.run(command, env=settings, capture_output=True, text=True, check=True).stdout
    return dict(json.loads(answer))


def test_uv_gets_the_mirror_that_pip_is_set_to(tmp_path: Path) -> None:
    (tmp_path / "pip.conf").write_text(
        "[global]\nindex-url = https://mirror.example/simple\ncert = /etc/ours.pem\n"
        "[install]\nextra-index-url =\n  https://a.example/simple\n  https://b.example/simple\n"
    )
    pip = {"HOME": str(tmp_path), "PIP_CONFIG_FILE": str(tmp_path / "pip.conf")}
    handed = for_uv(**pip)
    assert handed["UV_DEFAULT_INDEX"] == "https://mirror.example/simple"
    assert handed["UV_INDEX"] == "https://a.example/simple https://b.example/simple"
    assert handed["SSL_CERT_FILE"] == "/etc/ours.pem"
    assert for_uv(**pip, PIP_INDEX_URL="https://c.example")["UV_DEFAULT_INDEX"] == "https://c.example"


def test_settings_made_for_uv_win_over_those_of_pip(tmp_path: Path) -> None:
    pip = {"HOME": str(tmp_path), "PIP_CONFIG_FILE": os.devnull, "PIP_INDEX_URL": "https://mirror.example"}
    assert "UV_DEFAULT_INDEX" in for_uv(**pip)
    assert for_uv(**pip, UV_INDEX_URL="https://own.example") == {}
