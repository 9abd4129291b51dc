"""Wheels for a kind of host, fetched by pip against the lock, put together as an artifact."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from llmdeploy.adapters.runtime.own_wheel import write_own_wheel
from llmdeploy.artifact import Artifact, artifact_of
from llmdeploy.bundled import bundled
from llmdeploy.errors import StepError

LIBCS = ("manylinux_2_28", "manylinux_2_17", "manylinux2014", "manylinux_2_12", "manylinux2010", "manylinux1")


@dataclass(frozen=True)
class Python:
    """A host's interpreter: (3, 11) on x86_64 or aarch64."""

    version: tuple[int, ...]
    architecture: str

    @property
    def name(self) -> str:
        return f"cp{''.join(map(str, self.version))}-{self.architecture}"


def runtime_artifact(python: Python, cache: Path, variables: Mapping[str, str]) -> Artifact:
    """The wheels for `python` with a requirements.txt that names each by its hash, kept in `cache`.

    pip takes its settings (index, proxy) from `variables`. Raises StepError with pip's own words.
    """
    lock = bundled("requirements/host.txt")
    key = hashlib.sha256(lock.read_bytes()).hexdigest()[:12]
    folder = cache / f"{python.name}-{key}"
    if not folder.is_dir():
        _download(lock, python, folder, variables)
    wheel = write_own_wheel(cache)
    own = f"llmdeploy-toolkit=={_version(wheel)} --hash=sha256:{hashlib.sha256(wheel.read_bytes()).hexdigest()}\n"
    requirements = cache / f"{folder.name}-requirements.txt"
    requirements.write_text(lock.read_text(encoding="utf-8") + own, encoding="utf-8")
    wheels = {path.name: path for path in (*folder.glob("*.whl"), wheel)}
    return artifact_of({**wheels, "requirements.txt": requirements})


def _version(wheel: Path) -> str:
    return wheel.name.split("-")[1]


def _download(lock: Path, python: Python, folder: Path, variables: Mapping[str, str]) -> None:
    """Whole or not at all: a cut download leaves no folder."""
    folder.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    partial = Path(tempfile.mkdtemp(prefix=".wheels-", dir=folder.parent))
    short = "".join(map(str, python.version))
    platforms = [part for libc in LIBCS for part in ("--platform", f"{libc}_{python.architecture}")]
    command = [
        sys.executable, "-I", "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps",
        "--require-hashes", "--only-binary", ":all:", "--python-version", ".".join(map(str, python.version)),
        "--implementation", "cp", "--abi", f"cp{short}", "--abi", "abi3", "--abi", "none", *platforms,
        "--dest", str(partial), "--requirement", str(lock),
    ]  # fmt: skip
    try:
        done = subprocess.run(command, capture_output=True, text=True, env={**os.environ, **variables}, check=False)
        if done.returncode:
            lines = [line for line in done.stderr.splitlines() if line.startswith("ERROR")] or done.stderr.splitlines()
            raise StepError(
                f"pip cannot fetch the wheels for {python.name}: {lines[-1] if lines else f'exit {done.returncode}'}",
                "give this machine a package index (pip config), or deploy from a bundle: `llmdeploy bundle`",
            )
        partial.rename(folder)
    finally:
        shutil.rmtree(partial, ignore_errors=True)
