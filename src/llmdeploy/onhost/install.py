"""A release into a slot: its runtime as a virtual environment, its model as links, and how its engine is started."""

from __future__ import annotations

import json
import os
import platform
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

from llmdeploy.errors import StepError
from llmdeploy.onhost.origin import Origin
from llmdeploy.onhost.signed import Release
from llmdeploy.onhost.slots import NAMES, Box, write_whole

PYTHON = "/usr/bin/python3"
SLOT = "slot.json"


def kind() -> str:
    """This interpreter, as releases name runtimes."""
    return f"cp{sys.version_info[0]}{sys.version_info[1]}-{platform.machine()}"


def wanted(release: Release, box: str) -> list[dict[str, Any]]:
    """The files that this box needs of it. Raises StepError where the release has nothing for the box."""
    if kind() not in release.runtimes:
        raise StepError(f"release {release.number} has no runtime for {kind()}")
    if box not in release.boxes:
        raise StepError(f"release {release.number} has no plan for {box}")
    golden = [{"name": "golden.yaml", **_golden(release)}] if release.golden else []
    runtime = release.artifacts[release.runtimes[kind()]]
    return [*runtime, *release.artifacts[release.model], *golden]


def _golden(release: Release) -> dict[str, Any]:
    file: dict[str, Any] = release.artifacts[release.golden][0]
    return {"sha256": file["sha256"], "bytes": file["bytes"]}


def fetch(release: Release, box: Box, name: str, origin: Origin) -> int:
    """Bring all files, verified; the bytes that came."""
    box.files.mkdir(mode=0o750, exist_ok=True)
    return sum(origin.bring(one["sha256"], one["bytes"], box.files / one["sha256"]) for one in wanted(release, name))


def install(release: Release, box: Box, slot: str, name: str, key: str) -> None:
    """Fill a slot that does not serve. It is whole when `slot.json` is there, which comes when all else is on disk."""
    folder = box.slot(slot)
    shutil.rmtree(folder, ignore_errors=True)
    for part in ("wheels", "model"):
        (folder / part).mkdir(mode=0o750, parents=True)
    for file in release.artifacts[release.runtimes[kind()]]:
        _link(box, file, folder / "wheels")
    for file in release.artifacts[release.model]:
        _link(box, file, folder / "model")
    if release.golden:
        _link(box, {"name": "golden.yaml", **_golden(release)}, folder)
    _environment(folder)
    python, model = folder / "runtime/bin/python", _model(folder / "model", release)
    given = {"{python}": str(python), "{model}": model, "{key}": key, "{port}": str(box.ports[slot])}
    plan = release.boxes[name]
    about = {
        "release": release.number,
        "served_name": release.served_name,
        "argv": [given.get(word, word) for word in plan["argv"]],
        "env": plan["env"],
        "port": box.ports[slot],
        "files": [file["sha256"] for file in wanted(release, name)],
        "min_accuracy": release.min_accuracy,
    }
    os.sync()
    write_whole(folder / SLOT, json.dumps(about))


def prune(box: Box) -> None:
    """Drop fetched files that no slot is made of; what came in part stays, to go on with."""
    kept = set()
    for slot in NAMES:
        path = box.slot(slot) / SLOT
        kept |= set(json.loads(path.read_text(encoding="utf-8"))["files"]) if path.exists() else set()
    for path in box.files.iterdir():
        if path.suffix != ".part" and path.name not in kept:
            path.unlink()


def _link(box: Box, file: dict[str, Any], folder: Path) -> None:
    target = folder / file["name"]
    if not target.resolve().is_relative_to(folder.resolve()):
        raise StepError(f"{file['name']!r} is no name of a file")
    target.parent.mkdir(mode=0o750, parents=True, exist_ok=True)
    os.link(box.files / file["sha256"], target)


def _model(folder: Path, release: Release) -> str:
    ggufs = sorted(one["name"] for one in release.artifacts[release.model] if one["name"].endswith(".gguf"))
    return str(folder / ggufs[0]) if ggufs else str(folder)


def _environment(folder: Path) -> None:
    """The wheels, each by its hash, and nothing from elsewhere; pip runs out of its own wheel."""
    wheels = folder / "wheels"
    pip = sorted(wheels.glob("pip-*-py3-none-any.whl"))
    if not pip:
        raise StepError("the runtime has no wheel of pip")
    _run([PYTHON, "-I", "-m", "venv", "--without-pip", str(folder / "runtime")])
    options = ["--quiet", "--no-input", "--disable-pip-version-check", "--no-cache-dir", "--no-index", "--no-deps"]
    options += ["--only-binary", ":all:", "--require-hashes", "--find-links", str(wheels), "--compile"]
    command = [str(folder / "runtime/bin/python"), "-I", f"{pip[-1]}/pip", "install", *options]
    _run([*command, "-r", str(wheels / "requirements.txt")])


def _run(command: list[str]) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        lines = (done.stderr or done.stdout).splitlines()
        raise StepError(
            f"{command[0]}: {next((x for x in lines if x.startswith('ERROR')), ' '.join(lines[-1:]))}"[:300]
        )
