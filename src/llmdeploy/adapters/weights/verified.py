"""What was verified, so that a second run need not read tens of GB again: `verified.json`."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from llmdeploy.adapters.weights.download import READ_ONLY, disk_error

NAME = "verified.json"


@dataclass(frozen=True)
class Verified:
    """One file as it was when its hash was taken: bytes, modification time in nanoseconds, SHA-256."""

    sha256: str
    size: int
    mtime_ns: int

    def holds_for(self, path: Path) -> bool:
        """Whether size and modification time are still the same."""
        try:
            now = path.stat()
        except FileNotFoundError:
            return False
        return (now.st_size, now.st_mtime_ns) == (self.size, self.mtime_ns)

    @classmethod
    def measure(cls, path: Path, take_hash: Callable[[], str]) -> Verified:
        """Looks at size and time before the hash is taken: a change while it runs is found by the next run."""
        before = path.stat()
        return cls(take_hash(), before.st_size, before.st_mtime_ns)

    @classmethod
    def of(cls, path: Path, sha256: str) -> Verified:
        now = path.stat()
        return cls(sha256, now.st_size, now.st_mtime_ns)


class Record:
    """The `verified.json` of one folder: verified files by name, and which names make up a whole model (`sets`)."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / NAME
        self.files: dict[str, Verified] = {}
        self.sets: dict[str, tuple[str, ...]] = {}
        try:
            self._parse(json.loads(self._path.read_text(encoding="utf-8")))
        except FileNotFoundError:
            return
        except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
            # A damaged record only costs time: everything is hashed again.
            self.files, self.sets = {}, {}

    def _parse(self, text: Any) -> None:
        self.files = {str(name): Verified(**one) for name, one in text["files"].items()}
        self.sets = {str(key): tuple(str(name) for name in names) for key, names in text["sets"].items()}

    def add(self, name: str, verified: Verified) -> None:
        self.files[name] = verified
        self.save()

    def save(self) -> None:
        """Write it whole or not at all. A store that is read-only keeps no record: the next run hashes again."""
        text = {"files": {name: asdict(one) for name, one in self.files.items()}, "sets": self.sets}
        partial = self._path.with_name(f".{NAME}.partial")
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            partial.write_text(json.dumps(text, indent=1), encoding="utf-8")
            partial.replace(self._path)
        except OSError as error:
            if error.errno not in READ_ONLY:
                raise disk_error(error, self._path, 0) from error
