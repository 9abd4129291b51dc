"""Programs out of Debian's packages, not installed: that would start their services on this machine."""

from __future__ import annotations

import atexit
import functools
import shutil
import subprocess
import tempfile
from pathlib import Path


@functools.cache
def unpacked(*packages: str) -> Path | None:
    """A folder with the content of packages; None where apt is missing or has none of them. It goes at the end."""
    if not shutil.which("apt-get") or not shutil.which("dpkg-deb"):
        return None
    folder = Path(tempfile.mkdtemp(prefix="packages-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    folder.chmod(0o755)  # apt fetches as a user of its own
    subprocess.run(["apt-get", "-qq", "download", *packages], cwd=folder, capture_output=True, check=False)
    for package in folder.glob("*.deb"):
        subprocess.run(["dpkg-deb", "--extract", package, folder], check=True)
    return folder


def program(name: str, place: str, *packages: str) -> str:
    """The program where it is installed, else at `place` in the packages; empty where there is neither."""
    found = shutil.which(name)
    if found:
        return found
    folder = unpacked(*packages)
    return str(folder / place) if folder and (folder / place).exists() else ""
