"""A folder of files that travels to hosts, addressed by its content."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any


@dataclass(frozen=True)
class File:
    """One file: `name` in the artifact, where it lies here, sha256 in hex digits, bytes."""

    name: str
    path: Path
    sha256: str
    bytes: int


@dataclass(frozen=True)
class Artifact:
    """A model, or the wheels that a host runs."""

    files: tuple[File, ...]

    @property
    def digest(self) -> str:
        """24 hex digits over names and contents."""
        lines = sorted(f"{file.sha256}  {file.name}\n" for file in self.files)
        return hashlib.sha256("".join(lines).encode()).hexdigest()[:24]

    @property
    def bytes(self) -> int:
        return sum(file.bytes for file in self.files)

    def as_json(self) -> dict[str, Any]:
        """Without the places on this machine."""
        files = [{"name": file.name, "sha256": file.sha256, "bytes": file.bytes} for file in self.files]
        return {"digest": self.digest, "files": files}


def read_artifact(data: dict[str, Any]) -> Artifact:
    """The artifact that `as_json` wrote; its files are on hosts, not here."""
    return Artifact(tuple(File(one["name"], Path(), one["sha256"], one["bytes"]) for one in data["files"]))


def artifact_of(files: dict[str, Path], known: Mapping[str, str] = MappingProxyType({})) -> Artifact:
    """The artifact of files by their names; reads each once, but those whose sha256 is `known` by name."""
    return Artifact(tuple(_file(name, path, known.get(name, "")) for name, path in sorted(files.items())))


def _file(name: str, path: Path, known: str) -> File:
    if known:
        return File(name, path, known, path.stat().st_size)
    with path.open("rb") as file:
        return File(name, path, hashlib.file_digest(file, "sha256").hexdigest(), path.stat().st_size)
