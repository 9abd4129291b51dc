"""What a model hub says about one commit of a repository. No network here."""

from __future__ import annotations

import re
from dataclasses import dataclass

from llmdeploy.errors import MissingError

REPOSITORY = re.compile(r"(?:[A-Za-z0-9][\w.-]*/)?[A-Za-z0-9_][\w.-]*", re.ASCII)


@dataclass(frozen=True)
class HubFile:
    """One file: size in bytes; `sha256` where the hub stores it as a large file, `blob_id` (git's SHA-1) elsewhere."""

    name: str
    size: int
    sha256: str = ""
    blob_id: str = ""


@dataclass(frozen=True)
class HubModel:
    """One repository at one commit; `revision` is the commit hash. `license` is empty where none is named."""

    repository: str
    revision: str
    files: tuple[HubFile, ...]
    gated: bool = False
    license: str = ""

    def file(self, name: str) -> HubFile | None:
        return next((file for file in self.files if file.name == name), None)


def is_commit(revision: str) -> bool:
    """Whether `revision` is a full commit hash, the only kind that never moves."""
    return re.fullmatch(r"[0-9a-f]{40}", revision) is not None


def check_repository(name: str) -> None:
    """Raises MissingError for a name that no repository can have."""
    if not REPOSITORY.fullmatch(name) or ".." in name or "--" in name:
        hint = "a repository is owner/name, as in Qwen/Qwen3-0.6B; a path on this machine starts with / or ./"
        raise MissingError(f"{name!r} is not the name of a repository", hint)
