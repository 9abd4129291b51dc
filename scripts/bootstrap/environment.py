"""The virtual environment: made, updated, repaired, and marked complete as the last thing.

Its folder holds `.llmdeploy-setup/`: `lock` (one set-up at a time), `began` (this folder is ours to clear)
and `complete` (level, folder, checkout, then the requirements installed; start.sh compares it at every
start). The environment is not built elsewhere and then moved here: the scripts inside it name its path.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import debian
import installer
from errors import SetupError


@dataclass(frozen=True)
class Complete:
    """The content of the `complete` mark."""

    level: str
    venv: str
    checkout: str
    requirements: str

    def text(self) -> str:
        """As written; start.sh builds the same text to compare."""
        return f"{self.level}\n{self.venv}\n{self.checkout}\n{self.requirements}"


def ensure(level: str, venv: Path, checkout: Path) -> None:
    """Make `venv` hold what requirements/`level`.txt locks, whatever state it is in. Raises SetupError."""
    try:
        refuse_foreign(venv)
        with locked(venv):
            level = "test" if (found := read_mark(venv)) and found.level == "test" else level
            wanted = Complete(level, str(venv), str(checkout), requirements(checkout, level).read_text("utf-8"))
            if found != wanted or not runs(venv):
                bring_to(wanted, found, venv, checkout)
    except OSError as error:
        raise SetupError(
            f"cannot set up {venv}: {error.strerror or error} ({error.filename or venv})",
            "free or make writable what is named, or put it elsewhere: LLMDEPLOY_VENV=/another/folder",
        ) from error


def bring_to(wanted: Complete, found: Complete | None, venv: Path, checkout: Path) -> None:
    """Rebuild where nothing can be kept, else install on top: what a user added stays."""
    refuse_shared(found, venv, checkout)
    mark = venv / ".llmdeploy-setup"
    keep = found is not None and found.venv == str(venv) and runs(venv)
    (mark / "began").touch()
    (mark / "complete").unlink(missing_ok=True)
    uv = installer.find_uv()
    say(f"{'updating' if keep else 'setting up'} {venv} (Python {sys.version.split()[0]})")
    if not keep:
        clear(venv)
        installer.create(venv, with_pip=uv is None)
    installer.install(venv, requirements(checkout, wanted.level), checkout, uv)
    installer.add_source(venv, checkout / "src")
    debian.ensure_library("libgomp.so.1", ["libgomp1"], "the embedded engine")
    draft = mark / "complete.draft"
    draft.write_text(wanted.text(), "utf-8")
    draft.replace(mark / "complete")


def requirements(checkout: Path, level: str) -> Path:
    """The lock file of a level."""
    return checkout / "requirements" / f"{level}.txt"


def read_mark(venv: Path) -> Complete | None:
    """The mark of a finished set-up; None where there is none."""
    try:
        text = (venv / ".llmdeploy-setup/complete").read_text("utf-8")
    except FileNotFoundError:
        return None
    fields = text.split("\n", 3)
    return Complete(*fields) if len(fields) == 4 else None


def runs(venv: Path) -> bool:
    """Whether the environment's Python starts and is new enough: its base may have been removed."""
    probe = "import sys; sys.exit(sys.version_info < (3, 11))"
    try:
        return subprocess.run([venv / "bin/python", "-I", "-c", probe], capture_output=True).returncode == 0
    except OSError:
        return False


def refuse_foreign(venv: Path) -> None:
    """Stop before touching a folder with content that this set-up did not make."""
    if not venv.is_dir() or (venv / ".llmdeploy-setup/began").exists():
        return
    if any(entry.name != ".llmdeploy-setup" for entry in venv.iterdir()):
        raise SetupError(
            f"{venv} is not empty and was not made by this script",
            "delete it, or set LLMDEPLOY_VENV to a folder that does not exist yet",
        )


def refuse_shared(found: Complete | None, venv: Path, checkout: Path) -> None:
    """Stop before pointing the environment of one checkout at another."""
    if found is None or found.venv != str(venv) or found.checkout == str(checkout):
        return
    if Path(found.checkout, "scripts/llmdeploy").exists():
        raise SetupError(
            f"{venv} belongs to the checkout {found.checkout}",
            "set LLMDEPLOY_VENV to a folder that does not exist yet",
        )


def clear(venv: Path) -> None:
    """Remove everything but our own marks: the lock in them is held."""
    for entry in venv.iterdir():
        if entry.name == ".llmdeploy-setup":
            continue
        if entry.is_dir() and not entry.is_symlink():
            shutil.rmtree(entry)
        else:
            entry.unlink()


@contextmanager
def locked(venv: Path) -> Iterator[None]:
    """Hold the set-up's lock; the system releases it when this process ends, however it ends."""
    (venv / ".llmdeploy-setup").mkdir(parents=True, exist_ok=True)
    lock = os.open(venv / ".llmdeploy-setup/lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say(f"waiting for another set-up of {venv}")
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield
    finally:
        os.close(lock)


def say(line: str) -> None:
    """One line of talk."""
    print(f"llmdeploy: {line}", file=sys.stderr, flush=True)
