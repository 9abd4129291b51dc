"""Packages of the system: installed as root on Debian and Ubuntu, after saying so; elsewhere a hint."""

from __future__ import annotations

import ctypes
import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path


def ensure_library(name: str, packages: Sequence[str], reason: str) -> None:
    """Install the packages where the loader does not find a shared library (Linux only)."""
    if sys.platform != "linux":
        return
    try:
        ctypes.CDLL(name)
    except OSError:
        provide(packages, f"{reason} needs {name}")


def ensure(packages: Sequence[str], reason: str) -> None:
    """Install those of the packages that are not there. What cannot be installed is named with the reason."""
    missing = [package for package in packages if not installed(package)]
    if missing:
        provide(missing, f"{reason} need {' '.join(missing)}")


def installed(package: str) -> bool:
    """Whether dpkg knows the package as installed; without dpkg, whether a command of that name is there."""
    if not shutil.which("dpkg-query"):
        return shutil.which(package) is not None
    query = ["dpkg-query", "--show", "--showformat", "${db:Status-Status}", package]
    return subprocess.run(query, capture_output=True, text=True).stdout == "installed"


def provide(packages: Sequence[str], why: str) -> None:
    """Install, or say how to. Not an error: what needs the packages says so again when it runs."""
    command = ["apt-get", "install", "--yes", "--no-install-recommends", *packages]
    if not shutil.which("apt-get") or os.geteuid() != 0:
        say(f"{why}\nhint: on Debian and Ubuntu, as root: {' '.join(command)}")
        return
    say(f"{why}; running: {' '.join(command)}")
    lists = Path("/var/lib/apt/lists")
    fresh = lists.is_dir() and any(lists.glob("*_Packages*"))
    if not (fresh and apt(command)) and not (apt(["apt-get", "update"]) and apt(command)):
        say(f"apt-get could not install {' '.join(packages)}\nhint: its message is above; {why}")


def apt(command: Sequence[str]) -> bool:
    """Whether apt-get did it. It asks nothing and waits a while for another apt-get to end."""
    environ = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    waiting = [command[0], "--quiet", "-o", "DPkg::Lock::Timeout=120", *command[1:]]
    return subprocess.run(waiting, env=environ, stdout=sys.stderr, stdin=subprocess.DEVNULL).returncode == 0


def say(line: str) -> None:
    """One line of talk."""
    print(f"llmdeploy: {line}", file=sys.stderr, flush=True)
