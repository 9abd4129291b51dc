"""The wheels that hosts run: llmdeploy's own, and those of the lock."""

from __future__ import annotations

import hashlib
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from llmdeploy import __version__
from llmdeploy.adapters.runtime import Python, runtime_artifact
from llmdeploy.adapters.runtime.own_wheel import write_own_wheel
from llmdeploy.errors import StepError

HERE = Python(sys.version_info[:2], "x86_64")


def test_our_own_wheel_has_the_same_bytes_wherever_it_is_made(tmp_path: Path) -> None:
    contents = []
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        contents.append(write_own_wheel(tmp_path / name).read_bytes())
    assert contents[0] == contents[1]


def test_our_own_wheel_is_whole_and_small(tmp_path: Path) -> None:
    wheel = write_own_wheel(tmp_path)
    names = zipfile.ZipFile(wheel).namelist()
    assert {"llmdeploy/__init__.py", "llmdeploy/engines/llamacpp/__main__.py", "llmdeploy/gates/golden.py"} <= set(
        names
    )
    assert not [name for name in names if "__pycache__" in name or name.endswith(".gguf")]
    assert wheel.stat().st_size < 20 * 2**20


def test_pip_installs_our_own_wheel_and_it_runs_from_there(tmp_path: Path) -> None:
    wheel = write_own_wheel(tmp_path)
    command = [
        "-m",
        "pip",
        "install",
        "--quiet",
        "--no-deps",
        "--no-index",
        "--target",
        str(tmp_path / "site"),
        str(wheel),
    ]
    subprocess.run([sys.executable, "-I", *command], check=True)
    code = f"import sys; sys.path.insert(0, {str(tmp_path / 'site')!r}); import llmdeploy; print(llmdeploy.__file__)"
    done = subprocess.run([sys.executable, "-S", "-I", "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.startswith(str(tmp_path / "site"))


def small_wheel(folder: Path, name: str) -> str:
    """A wheel that pip takes; returns its line of a lock."""
    info = f"{name}-1.0.dist-info"
    wheel = folder / f"{name}-1.0-py3-none-any.whl"
    with zipfile.ZipFile(wheel, "w") as file:
        file.writestr(f"{name}.py", "")
        file.writestr(f"{info}/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
        file.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        file.writestr(f"{info}/RECORD", "")
    return f"{name}==1.0 --hash=sha256:{hashlib.sha256(wheel.read_bytes()).hexdigest()}\n"


@pytest.fixture
def lock(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A lock of two wheels, and a folder with both."""
    (tmp_path / "wheels").mkdir()
    path = tmp_path / "host.txt"
    path.write_text(small_wheel(tmp_path / "wheels", "alpha") + small_wheel(tmp_path / "wheels", "beta"))
    monkeypatch.setattr("llmdeploy.adapters.runtime.build.bundled", lambda name: path)
    return path


def settings(lock: Path) -> dict[str, str]:
    return {"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(lock.parent / "wheels"), "PIP_CONFIG_FILE": "/dev/null"}


def test_the_artifact_has_every_wheel_of_the_lock_and_names_each_by_its_hash(lock: Path, tmp_path: Path) -> None:
    made = runtime_artifact(HERE, tmp_path / "cache", settings(lock))
    names = {file.name for file in made.files}
    own = f"llmdeploy_toolkit-{__version__}-py3-none-any.whl"
    assert names == {"alpha-1.0-py3-none-any.whl", "beta-1.0-py3-none-any.whl", own, "requirements.txt"}
    requirements = next(file.path for file in made.files if file.name == "requirements.txt").read_text()
    for file in made.files:
        assert file.name == "requirements.txt" or f"--hash=sha256:{file.sha256}" in requirements


def test_a_host_can_install_it_with_nothing_else(lock: Path, tmp_path: Path) -> None:
    made = runtime_artifact(HERE, tmp_path / "cache", settings(lock))
    place = tmp_path / "host"
    place.mkdir()
    for file in made.files:
        (place / file.name).write_bytes(file.path.read_bytes())
    command = ["install", "--quiet", "--no-index", "--find-links", str(place), "--require-hashes", "--no-deps"]
    target = ["--target", str(tmp_path / "site"), "-r", str(place / "requirements.txt")]
    subprocess.run([sys.executable, "-I", "-m", "pip", *command, *target], check=True)
    assert (tmp_path / "site/llmdeploy/__init__.py").exists()


def test_it_is_made_once_and_then_needs_no_index(lock: Path, tmp_path: Path) -> None:
    first = runtime_artifact(HERE, tmp_path / "cache", settings(lock))
    nowhere = {**settings(lock), "PIP_FIND_LINKS": str(tmp_path / "nowhere")}
    assert runtime_artifact(HERE, tmp_path / "cache", nowhere).digest == first.digest


def test_a_wheel_that_is_missing_is_one_clear_line_and_leaves_nothing(lock: Path, tmp_path: Path) -> None:
    (tmp_path / "wheels/beta-1.0-py3-none-any.whl").unlink()
    with pytest.raises(StepError) as caught:
        runtime_artifact(HERE, tmp_path / "cache", settings(lock))
    assert caught.value.message.startswith(f"pip cannot fetch the wheels for {HERE.name}: ERROR: ")
    assert "beta==1.0" in caught.value.message
    assert "\n" not in caught.value.message
    assert "package index" in caught.value.hint
    assert list((tmp_path / "cache").iterdir()) == []


def test_a_wheel_with_other_content_is_refused(lock: Path, tmp_path: Path) -> None:
    with (tmp_path / "wheels/beta-1.0-py3-none-any.whl").open("ab") as file:
        file.write(b"more")
    with pytest.raises(StepError, match="pip cannot fetch the wheels") as caught:
        runtime_artifact(HERE, tmp_path / "cache", settings(lock))
    assert "hash" in caught.value.message.lower()


def test_a_new_lock_is_fetched_anew(lock: Path, tmp_path: Path) -> None:
    first = runtime_artifact(HERE, tmp_path / "cache", settings(lock))
    lock.write_text(lock.read_text() + small_wheel(tmp_path / "wheels", "gamma"))
    second = runtime_artifact(HERE, tmp_path / "cache", settings(lock))
    assert len(second.files) == len(first.files) + 1
