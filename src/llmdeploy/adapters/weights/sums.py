"""Hashes of weights."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from llmdeploy.adapters.weights.progress import Progress, Told
from llmdeploy.errors import StepError
from llmdeploy.plan import ModelRef

CHUNK_BYTES = 1024 * 1024
LARGEST_BLOB = 100_000_000
"""No larger file is stored in git by the hub, so that no larger one needs git's hash."""

Arrived = Callable[[int], None]


@dataclass
class Sums:
    """SHA-256 and git's blob id (SHA-1 over a header and the content) of a file of `size` bytes, as it comes in."""

    size: int

    def __post_init__(self) -> None:
        self.seen = 0
        self._sha256 = hashlib.sha256()
        self._blob = hashlib.sha1(b"blob %d\0" % self.size, usedforsecurity=False)

    def add(self, piece: bytes | memoryview) -> None:
        self._sha256.update(piece)
        if self.size <= LARGEST_BLOB:
            self._blob.update(piece)
        self.seen += len(piece)

    def read(self, path: Path, arrived: Arrived) -> None:
        """Take in a file from its start."""
        buffer = memoryview(bytearray(CHUNK_BYTES))
        with path.open("rb", buffering=0) as stream:
            while count := stream.readinto(buffer):
                self.add(buffer[:count])
                arrived(count)

    @property
    def sha256(self) -> str:
        return self._sha256.hexdigest()

    @property
    def blob_id(self) -> str:
        return self._blob.hexdigest()


def hash_file(path: Path, label: str, told: Told) -> str:
    """The SHA-256 of a file, with progress."""
    size = path.stat().st_size
    sums, progress = Sums(size), Progress(told, label, size)
    sums.read(path, progress.add)
    return sums.sha256


def check_pin(ref: ModelRef, sha256: Mapping[str, str], hint: str) -> None:
    """Compare with the hash known beforehand. Raises StepError that names the file."""
    if not ref.sha256:
        return
    first = ref.file if ref.file in sha256 else next(iter(sha256))
    name = first if ref.format == "gguf" else ref.location
    found = sha256[first] if ref.format == "gguf" else digest(sha256)
    if found != ref.sha256.lower():
        raise StepError(f"{name}: SHA-256 {found[:12]} where {ref.sha256[:12]} was expected", hint)


def digest(sha256: Mapping[str, str]) -> str:
    """One hash for several files: over the lines of `sha256sum`, in order of names."""
    lines = "".join(f"{value}  {name}\n" for name, value in sorted(sha256.items()))
    return hashlib.sha256(lines.encode()).hexdigest()
