"""The wheels that hosts run: llmdeploy's own, and those of the lock."""

from __future__ import annotations

import hashlib
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from llmdeploy import __version__
from llmdeploy.adapters.runtime import Python, engine_artifact, runtime_artifact
from llmdeploy.adapters.runtime.lock import lines_for
from llmdeploy.adapters.runtime.own_wheel import write_own_wheel
from llmdeploy.errors import StepError
from tests.checkout import ROOT

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


MARKED = """\
alpha==1.0 \\
    --hash=sha256:aa \\
    --hash=sha256:ab
beta==1.0 ; python_full_version < '3.12' and platform_machine == 'x86_64' \\
    --hash=sha256:bb
beta==2.0 ; python_full_version >= '3.12' \\
    --hash=sha256:bc
gamma==1.0+cpu ; sys_platform == 'win32' --hash=sha256:cc
"""


def test_markers_are_judged_for_the_host_and_not_for_this_interpreter() -> None:
    alpha = "alpha==1.0 \\\n    --hash=sha256:aa \\\n    --hash=sha256:ab\n"
    assert lines_for(MARKED, Python((3, 11), "x86_64")) == alpha + "beta==1.0 \\\n    --hash=sha256:bb\n"
    assert lines_for(MARKED, Python((3, 11), "aarch64")) == alpha
    assert lines_for(MARKED, Python((3, 13), "aarch64")) == alpha + "beta==2.0 \\\n    --hash=sha256:bc\n"


@pytest.mark.parametrize("architecture", ["x86_64", "aarch64"])
@pytest.mark.parametrize("minor", [11, 12, 13])
@pytest.mark.parametrize("name", ["host", "vllm-cuda", "vllm-cpu"])
def test_of_each_package_of_a_lock_one_version_holds(name: str, minor: int, architecture: str) -> None:
    text = (ROOT / f"requirements/{name}.txt").read_text()
    lines = [
        line for line in lines_for(text, Python((3, minor), architecture)).splitlines() if not line.startswith(" ")
    ]
    packages = [line.partition("==")[0] for line in lines]
    assert len(packages) == len(set(packages))
    assert "pip" in packages
    assert not [line for line in lines if ";" in line or not line.endswith("\\")]


def test_an_engine_of_its_own_has_the_wheels_of_its_lock_and_not_ours(lock: Path, tmp_path: Path) -> None:
    made = engine_artifact("requirements/any.txt", HERE, tmp_path / "cache", settings(lock))
    assert {file.name for file in made.files} == {
        "alpha-1.0-py3-none-any.whl",
        "beta-1.0-py3-none-any.whl",
        "requirements.txt",
    }
    again = engine_artifact("requirements/any.txt", HERE, tmp_path / "cache", settings(lock))
    assert again == made
    wheel = next(file for file in made.files if file.name.startswith("alpha"))
    assert wheel.sha256 == hashlib.sha256(wheel.path.read_bytes()).hexdigest()


def test_the_wheels_of_a_former_lock_make_room(lock: Path, tmp_path: Path) -> None:
    engine_artifact("requirements/any.txt", HERE, tmp_path / "cache", settings(lock))
    lock.write_text(lock.read_text() + small_wheel(tmp_path / "wheels", "gamma"))
    engine_artifact("requirements/any.txt", HERE, tmp_path / "cache", settings(lock))
    assert len([path for path in (tmp_path / "cache").iterdir() if path.is_dir()]) == 1


def test_torch_for_processors_that_no_index_has_is_told_with_what_to_do(lock: Path, tmp_path: Path) -> None:
    lock.write_text(f"torch==2.13.0+cpu --hash=sha256:{'a' * 64}\n")
    with pytest.raises(StepError) as caught:
        engine_artifact("requirements/any.txt", HERE, tmp_path / "cache", settings(lock))
    assert "torch==2.13.0+cpu" in caught.value.message
    assert "docs/guides/vllm.md" in caught.value.hint
