"""Wheels for a kind of host, fetched by pip against a lock, put together as an artifact."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

from llmdeploy.adapters.runtime.lock import Python, lines_for
from llmdeploy.adapters.runtime.own_wheel import write_own_wheel
from llmdeploy.artifact import Artifact, artifact_of
from llmdeploy.bundled import bundled
from llmdeploy.errors import StepError

# Debian 12, the oldest system that is taken, has glibc 2.36. The newest first: pip takes the first that a wheel has.
LIBCS = (
    *(f"manylinux_2_{minor}" for minor in range(36, 16, -1)), "manylinux2014", "manylinux_2_12", "manylinux2010",
    "manylinux1",
)  # fmt: skip
HOST_LOCK = "requirements/host.txt"
SUMS = "sums.json"
TEMPORARY = "tmp"


def runtime_artifact(python: Python, cache: Path, variables: Mapping[str, str]) -> Artifact:
    """llmdeploy itself and what it needs on a host, for `python`, with a requirements.txt that names each wheel by its
    hash; kept in `cache`.

    pip takes its settings (index, proxy) from `variables`. Raises StepError with pip's own words.
    """
    folder, lines = _wheels(HOST_LOCK, python, cache, variables)
    wheel = write_own_wheel(cache)
    own = f"llmdeploy-toolkit=={_version(wheel)} --hash=sha256:{hashlib.sha256(wheel.read_bytes()).hexdigest()}\n"
    requirements = _written(cache / f"{folder.name}-requirements.txt", lines + own)
    wheels = {path.name: path for path in (*folder.glob("*.whl"), wheel)}
    return artifact_of({**wheels, "requirements.txt": requirements})


def engine_artifact(lock: str, python: Python, cache: Path, variables: Mapping[str, str]) -> Artifact:
    """An engine that has an environment of its own: all that the lock file of that name holds for `python`.

    It may have gigabytes: hashes are taken once, and the wheels of a former lock make room. Settings and errors as
    above.
    """
    folder, lines = _wheels(lock, python, cache, variables)
    requirements = _written(cache / f"{folder.name}-requirements.txt", lines)
    wheels = {path.name: path for path in folder.glob("*.whl")}
    return artifact_of({**wheels, "requirements.txt": requirements}, _known_sums(folder, wheels))


def _wheels(name: str, python: Python, cache: Path, variables: Mapping[str, str]) -> tuple[Path, str]:
    """The folder with the wheels of a lock, fetched where they are not there yet, and the lines that name them."""
    lock = bundled(name)
    key = hashlib.sha256(lock.read_bytes()).hexdigest()[:12]
    kind = python.name if name == HOST_LOCK else f"{lock.stem}-{python.name}"
    folder, lines = cache / f"{kind}-{key}", lines_for(lock.read_text(encoding="utf-8"), python)
    if not folder.is_dir():
        _download(lines, python, folder, variables)
        for former in cache.glob(f"{kind}-????????????"):
            if former != folder:
                shutil.rmtree(former)
    return folder, lines


def _written(path: Path, text: str) -> Path:
    path.write_text(text, encoding="utf-8")
    return path


def _version(wheel: Path) -> str:
    return wheel.name.split("-")[1]


def _known_sums(folder: Path, wheels: Mapping[str, Path]) -> dict[str, str]:
    """SHA-256 by name, taken once: nobody writes to the folder after it is whole, and hosts verify what they get."""
    path = folder / SUMS
    if not path.exists():
        path.write_text(json.dumps({file.name: file.sha256 for file in artifact_of(dict(wheels)).files}))
    known: dict[str, str] = json.loads(path.read_text(encoding="utf-8"))
    return known


def _download(lines: str, python: Python, folder: Path, variables: Mapping[str, str]) -> None:
    """Whole or not at all: a cut download leaves no folder."""
    folder.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    partial = Path(tempfile.mkdtemp(prefix=".wheels-", dir=folder.parent))
    try:
        (partial / TEMPORARY).mkdir()
        # pip's own cache would keep the same bytes a second time, and /tmp may be small.
        world = {**os.environ, **variables, "TMPDIR": str(partial / TEMPORARY), "PIP_NO_CACHE_DIR": "1"}
        command = _command(python, partial, _written(partial / "requirements.txt", lines))
        done = subprocess.run(command, capture_output=True, text=True, env=world, check=False)
        if done.returncode:
            raise _refused(done.stderr.splitlines() or [f"exit {done.returncode}"], python)
        shutil.rmtree(partial / TEMPORARY)
        if not folder.is_dir():  # another run may have been quicker
            partial.rename(folder)
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def _command(python: Python, target: Path, requirements: Path) -> list[str]:
    platforms = [part for libc in LIBCS for part in ("--platform", f"{libc}_{python.architecture}")]
    return [
        sys.executable, "-I", "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps",
        "--require-hashes", "--only-binary", ":all:", "--python-version", python.dotted, "--implementation", "cp",
        "--abi", f"cp{''.join(map(str, python.version))}", "--abi", "abi3", "--abi", "none", *platforms,
        "--dest", str(target), "--requirement", str(requirements),
    ]  # fmt: skip


def _refused(said: list[str], python: Python) -> StepError:
    errors = [line for line in said if line.startswith("ERROR")] or said
    hint = "give this machine a package index (pip config), or deploy from a bundle: `llmdeploy bundle`"
    if any("torch==" in line and "+cpu" in line for line in errors):
        hint = "PyPI has no torch for processors alone: docs/guides/vllm.md says how pip is told of PyTorch's own index"
    return StepError(f"pip cannot fetch the wheels for {python.name}: {errors[-1]}", hint)
