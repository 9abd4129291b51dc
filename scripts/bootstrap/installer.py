"""Puts packages into the environment, each checked against its hash in the lock: with uv, else with pip."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pip_settings
from errors import SetupError

# A source distribution would run code whose build requirements no lock covers.
LOCKED = ("--require-hashes", "--only-binary", ":all:")


def find_uv() -> str | None:
    """A uv on PATH that starts (a version manager's shim may not); None where there is none."""
    found = shutil.which("uv")
    if found and subprocess.run([found, "--version"], capture_output=True).returncode == 0:
        return found
    return None


def create(venv: Path, *, with_pip: bool) -> None:
    """Make an empty virtual environment on this Python. Raises SetupError where it lacks a part."""
    hint = "Debian, Ubuntu: apt-get install python3-venv; or install uv; or name another Python: PYTHON=..."
    try:
        import venv as environments
    except ImportError as error:
        raise SetupError(f"{sys.executable} has no venv module", hint) from error
    if with_pip:
        try:
            import ensurepip  # noqa: F401
        except ImportError as error:
            raise SetupError(f"{sys.executable} cannot make an environment (no ensurepip)", hint) from error
    try:
        environments.EnvBuilder(symlinks=True, with_pip=with_pip).create(venv)
    except subprocess.CalledProcessError as error:
        raise SetupError(f"{sys.executable} could not put pip into {venv}", hint) from error


def install(venv: Path, requirements: Path, checkout: Path, uv: str | None) -> None:
    """Install a lock file; everything else in the environment stays. Raises SetupError."""
    uv = uv or fetch_uv(venv, checkout)
    if uv and with_uv(uv, venv, requirements):
        return
    if uv:
        say("uv could not install; trying pip")
    ensure_pip(venv)
    if (code := run(pip(venv, requirements), pip_environment())) != 0:
        raise SetupError(
            f"could not install {requirements.name} (pip ended with {code}, its message is above)",
            "check the network, the free disk space and the package index in pip's settings, then run again",
        )


def fetch_uv(venv: Path, checkout: Path) -> str | None:
    """Put the locked uv into the environment, for speed; None where that does not work."""
    own = venv / "bin/uv"
    if own.exists():
        return str(own)
    ensure_pip(venv)
    if run(pip(venv, checkout / "requirements/uv.txt"), pip_environment()) != 0:
        say("no uv for this machine; going on with pip")
    return str(own) if own.exists() else None


def ensure_pip(venv: Path) -> None:
    """Put pip into an environment that uv made without it."""
    if subprocess.run([venv / "bin/python", "-I", "-c", "import pip"], capture_output=True).returncode == 0:
        return
    if run([venv / "bin/python", "-I", "-m", "ensurepip", "--default-pip"], os.environ) != 0:
        raise SetupError("neither uv nor pip works here", "their messages are above; mend it and run again")


def with_uv(uv: str, venv: Path, requirements: Path) -> bool:
    """Whether uv installed the lock file. It does not read pip's settings, so they are handed to it."""
    handed, flags = pip_settings.for_uv(os.environ)
    flags += talk()
    command: list[str | Path] = [
        uv,
        "pip",
        "install",
        "--python",
        venv / "bin/python",
        *LOCKED,
        *flags,
        "-r",
        requirements,
    ]
    return run(command, {"UV_PYTHON_DOWNLOADS": "never", **os.environ, **handed}) == 0


def pip(venv: Path, requirements: Path) -> list[str | Path]:
    """The argument list of pip for a lock file."""
    options = ("--disable-pip-version-check", "--no-input", "--no-user", *talk())
    return [venv / "bin/python", "-I", "-m", "pip", "install", *options, *LOCKED, "-r", requirements]


def talk() -> list[str]:
    """Progress on a terminal, nothing but warnings and errors elsewhere."""
    return [] if sys.stderr.isatty() else ["--quiet"]


def pip_environment() -> dict[str, str]:
    """This environment without what would send packages elsewhere than into the virtual environment."""
    astray = {"PIP_USER", "PIP_TARGET", "PIP_PREFIX", "PIP_ROOT"}
    return {name: value for name, value in os.environ.items() if name not in astray}


def add_source(venv: Path, source: Path) -> None:
    """Put the checkout's src/ on the environment's path, by a .pth file."""
    where = "import sysconfig; print(sysconfig.get_path('purelib'))"
    answer = subprocess.run([venv / "bin/python", "-I", "-c", where], capture_output=True, text=True, check=True)
    Path(answer.stdout.strip(), "llmdeploy.pth").write_text(f"{source}\n")


def run(command: list[str | Path], environ: os._Environ[str] | dict[str, str]) -> int:
    """Run a command with its output on stderr; give its exit code."""
    return subprocess.run(command, env=environ, stdout=sys.stderr, stdin=subprocess.DEVNULL).returncode


def say(line: str) -> None:
    """One line of talk."""
    print(f"llmdeploy: {line}", file=sys.stderr, flush=True)
