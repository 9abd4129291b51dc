"""The wheel, built through the sdist, in a bare environment and an empty folder: no checkout, no test tools."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
import tarfile
import urllib.error
import urllib.request
import zipfile
from dataclasses import dataclass
from email.parser import Parser
from pathlib import Path

import psutil
import pytest

import llmdeploy
from tests.checkout import ROOT, bare_environment, copy_to, files

# Makes an environment and installs a lock into it, with the code that scripts/llmdeploy uses.
MAKE = """
import sys
from pathlib import Path
sys.path.insert(0, sys.argv[1] + "/scripts/bootstrap")
import installer
checkout, venv = Path(sys.argv[1]), Path(sys.argv[2])
uv = installer.find_uv()
installer.create(venv, with_pip=uv is None)
installer.install(venv, checkout / "requirements/runtime.txt", checkout, uv)
"""


@dataclass(frozen=True)
class Installed:
    """An environment with the wheel, and an empty home for the programs that run from it."""

    venv: Path
    home: Path

    def run(self, *arguments: str, cwd: Path) -> subprocess.CompletedProcess[str]:
        """Run the installed command in a folder, without variables that lead elsewhere."""
        environ = bare_environment(HOME=str(self.home), PATH=f"{self.venv}/bin:/usr/bin:/bin")
        command = [str(self.venv / "bin/llmdeploy"), *arguments]
        return subprocess.run(command, cwd=cwd, env=environ, capture_output=True, text=True, timeout=120)

    def processes(self) -> list[str]:
        """The command lines of running processes that come from this environment."""
        found = []
        for process in psutil.process_iter(["cmdline"]):
            line = " ".join(process.info["cmdline"] or [])
            if str(self.venv) in line and process.pid != os.getpid():
                found.append(line)
        return found


def must(command: list[str], **more: str) -> None:
    """Run a command that has to succeed."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    result = subprocess.run(command, env=bare_environment(PATH=path) | more, capture_output=True, text=True)
    assert result.returncode == 0, result.stdout + result.stderr


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the sdist of a fresh copy and the wheel built from that sdist."""
    out = tmp_path_factory.mktemp("built")
    source = copy_to(tmp_path_factory.mktemp("source"))
    must([sys.executable, "-I", "-m", "build", "--no-isolation", "--outdir", str(out), str(source)])
    return out


@pytest.fixture(scope="module")
def wheel(built: Path) -> Path:
    (found,) = built.glob("*.whl")
    return found


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Installed:
    venv = tmp_path_factory.mktemp("bare") / "venv"
    must([sys.executable, "-I", "-c", MAKE, str(ROOT), str(venv)])
    python = str(venv / "bin/python")
    uv = shutil.which("uv", path=f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")
    if uv and subprocess.run([uv, "--version"], capture_output=True).returncode == 0:
        must([uv, "pip", "install", "--quiet", "--offline", "--no-deps", "--python", python, str(wheel)])
    else:
        must([python, "-I", "-m", "pip", "install", "--quiet", "--no-index", "--no-deps", str(wheel)])
    return Installed(venv, tmp_path_factory.mktemp("home"))


LOCKS_OF_HOSTS = {(Path("requirements"), ".txt", name) for name in ("host", "vllm-cpu", "vllm-cuda")}


def is_bundled(path: Path) -> bool:
    """Whether a file of the checkout travels in the wheel beside the package."""
    return path.parts[0] == "playbooks" or (path.parent, path.suffix, path.stem) in LOCKS_OF_HOSTS


def test_the_wheel_holds_the_package_and_nothing_else(wheel: Path) -> None:
    names = {name for name in zipfile.ZipFile(wheel).namelist() if ".dist-info/" not in name}
    package = {str(path.relative_to("src")) for path in files() if path.parts[:2] == ("src", "llmdeploy")}
    bundle = {f"llmdeploy/_bundle/{path}" for path in files() if is_bundled(path)}
    assert names == package | bundle
    assert {f"llmdeploy/_bundle/requirements/{name}.txt" for name in ("host", "vllm-cpu", "vllm-cuda")} <= names
    assert "llmdeploy/py.typed" in names
    assert any(name.startswith("llmdeploy/models/demo/") and name.endswith(".gguf") for name in names)
    assert any(name.startswith("llmdeploy/web/") and not name.endswith(".py") for name in names)


def test_the_metadata_says_what_it_is(wheel: Path) -> None:
    archive = zipfile.ZipFile(wheel)
    (folder,) = {name.split("/")[0] for name in archive.namelist() if ".dist-info/" in name}
    metadata = Parser().parsestr(archive.read(f"{folder}/METADATA").decode())
    assert metadata["Name"] == "llmdeploy-toolkit"
    assert metadata["Version"] == llmdeploy.__version__
    assert metadata["License-Expression"] == "Apache-2.0"
    assert metadata["Requires-Python"] == ">=3.11"
    assert metadata.get_payload(), "the README is the long description"
    assert f"{folder}/licenses/LICENSE" in archive.namelist()
    assert "llmdeploy = llmdeploy.__main__:main" in archive.read(f"{folder}/entry_points.txt").decode()


def test_the_sdist_carries_no_environment_and_no_state(built: Path) -> None:
    (sdist,) = built.glob("*.tar.gz")
    with tarfile.open(sdist) as archive:
        tops = {name.split("/")[1] for name in archive.getnames() if "/" in name}
    assert {"src", "playbooks", "requirements", "pyproject.toml", "LICENSE", "README.md"} <= tops
    assert not tops & {".venv", ".llmdeploy", ".git", "tests", "dist"}


def test_the_installed_package_finds_playbooks_and_the_lock_of_hosts(installed: Installed, tmp_path: Path) -> None:
    code = "import sys; from llmdeploy.bundled import bundled; print(*map(bundled, sys.argv[1:]), sep='\\n')"
    command = [str(installed.venv / "bin/python"), "-I", "-c", code, "playbooks", "requirements/host.txt"]
    result = subprocess.run(command, cwd=tmp_path, env=bare_environment(), capture_output=True, text=True, timeout=30)
    assert result.returncode == 0, result.stderr
    playbooks, lock = (Path(line) for line in result.stdout.splitlines())
    assert playbooks.is_relative_to(installed.venv)
    assert lock.read_bytes() == (ROOT / "requirements/host.txt").read_bytes()
    carried = {path.relative_to(playbooks) for path in playbooks.rglob("*") if path.is_file() and path.suffix != ".pyc"}
    assert carried == {path.relative_to("playbooks") for path in files() if path.parts[0] == "playbooks"}


def test_the_command_answers_from_an_empty_folder(installed: Installed, tmp_path: Path) -> None:
    result = installed.run("--version", cwd=tmp_path)
    assert (result.returncode, result.stdout) == (0, f"llmdeploy {llmdeploy.__version__}\n")
    result = installed.run("--help", cwd=tmp_path)
    assert result.returncode == 0
    assert "prepare, setup, deploy, test, monitor" in result.stdout
    assert list(tmp_path.iterdir()) == []


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def ask(url: str, model: str, key: str) -> str:
    """One question to the endpoint; the answer's text."""
    body = json.dumps({"model": model, "messages": [{"role": "user", "content": "What is the capital of France?"}]})
    headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}
    request = urllib.request.Request(f"{url}/chat/completions", body.encode(), headers)  # noqa: S310 - our own server
    with urllib.request.urlopen(request, timeout=30) as response:  # noqa: S310
        return str(json.load(response)["choices"][0]["message"]["content"])


def test_up_serves_and_down_leaves_nothing(installed: Installed, tmp_path: Path) -> None:
    folder = tmp_path / "an empty folder"
    folder.mkdir()
    try:
        up = installed.run("up", "-y", "--json", "--port", str(free_port()), cwd=folder)
        assert up.returncode == 0, up.stdout + up.stderr
        endpoint = json.loads(up.stdout)["endpoint"]
        key = Path(endpoint["key_file"]).read_text().strip()
        assert "Paris" in ask(endpoint["url"], endpoint["model"], key)
        with pytest.raises(urllib.error.HTTPError, match="401"):
            ask(endpoint["url"], endpoint["model"], "wrong")
        assert installed.processes()
    finally:
        down = installed.run("down", "--purge", cwd=folder)
    assert down.returncode == 0, down.stdout + down.stderr
    assert installed.processes() == []
    with pytest.raises(OSError, match="refused"):
        ask(endpoint["url"], endpoint["model"], key)
    left = {path.name for path in folder.rglob("*") if path.is_file() and "models" not in path.parts}
    assert left == {".gitignore"}, "fetched models stay, and stay out of git"
    assert list(installed.home.iterdir()) == [], "something was written outside the state folder"
