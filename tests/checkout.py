"""The files of the checkout as a clone would hold them."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).parents[1]
IGNORED = {".git", ".venv", ".llmdeploy", "__pycache__", "dist", "build", "test-results"}


def files() -> list[Path]:
    """Tracked files and new ones that git does not ignore, relative to the checkout; also where git is missing."""
    if (ROOT / ".git").exists() and shutil.which("git"):
        command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
        listed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
        found = [Path(name) for name in listed.split("\0") if name]
    else:
        found = [path.relative_to(ROOT) for path in ROOT.rglob("*") if path.is_file()]
        found = [path for path in found if not any(is_ignored(part) for part in path.parts)]
    return [path for path in sorted(set(found)) if (ROOT / path).is_file()]


def is_ignored(part: str) -> bool:
    """Whether a part of a path is on the list of .gitignore."""
    return part in IGNORED or part.endswith(("_cache", ".egg-info"))


def copy_to(folder: Path, only: Sequence[str] = ("",)) -> Path:
    """Copy the files whose path begins with one of `only` into a folder, as a clone would."""
    for path in files():
        if str(path).startswith(tuple(only)):
            target = folder / path
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / path, target)
    return folder


def bare_environment(**more: str) -> dict[str, str]:
    """This process's variables without those that would lead a program back into the checkout."""
    astray = {"PYTHONPATH", "PYTHONHOME", "VIRTUAL_ENV", "LLMDEPLOY_VENV", "LLMDEPLOY_STATE", "PYTHON"}
    return {name: value for name, value in os.environ.items() if name not in astray} | more
