"""Where releases come from: a folder (USB stick, mounted share) or an https address; files by their sha256."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from llmdeploy.errors import StepError
from llmdeploy.onhost.signed import FILE
from llmdeploy.onhost.slots import sync_folder

MOST_MANIFEST = 16 * 1024 * 1024
CURL = (
    "curl", "--disable", "--silent", "--show-error", "--fail", "--globoff", "--proto", "=https",
    "--connect-timeout", "20", "--speed-limit", "1", "--speed-time", "120",
)  # fmt: skip
RANGE_REFUSED = 33
BLOCK = 1024 * 1024


@dataclass(frozen=True)
class Origin:
    """`place` is a path or an address; `authority` a PEM file for one that the system does not trust."""

    place: str
    authority: str = ""

    def manifest(self) -> str:
        """The text of the published file. Raises StepError where it cannot be had."""
        if not self._remote:
            try:
                return (Path(self.place) / FILE).read_text(encoding="utf-8")
            except (OSError, UnicodeDecodeError) as error:
                raise StepError(f"{Path(self.place) / FILE}: {error}") from error
        done = self._curl(FILE, "--max-filesize", str(MOST_MANIFEST), "--max-time", "120")
        if done.returncode:
            raise StepError(f"{self.place}/{FILE}: {_said(done)}")
        return done.stdout.decode(errors="replace")

    def bring(self, sha256: str, size: int, target: Path) -> int:
        """Have the file with that sha256 at `target`, going on with what an earlier try left; the bytes that came."""
        if target.exists():
            if target.stat().st_size == size and digest(target) == sha256:
                return 0
            target.unlink()  # a power cut may leave a name without its content
        partial = target.with_suffix(".part")
        before = partial.stat().st_size if partial.exists() else 0
        if before > size:
            partial.unlink()
            before = 0
        if before < size:
            self._copy(sha256, partial)
        if partial.stat().st_size != size or digest(partial) != sha256:
            partial.unlink()
            raise StepError(f"{self.place}: file {sha256[:12]} has another content than the release says")
        _onto_disk(partial)
        partial.replace(target)
        sync_folder(target.parent)
        return size - before

    @property
    def _remote(self) -> bool:
        return self.place.startswith("https://")

    def _copy(self, sha256: str, partial: Path) -> None:
        if not self._remote:
            try:
                shutil.copyfile(Path(self.place) / "files" / sha256, partial)
            except OSError as error:
                raise StepError(f"file {sha256[:12]}: {error}") from error
            return
        done = self._curl(f"files/{sha256}", "--continue-at", "-", "--retry", "3", "--output", str(partial))
        if done.returncode == RANGE_REFUSED:
            partial.unlink(missing_ok=True)
        if done.returncode or not partial.exists():
            raise StepError(f"{self.place}: file {sha256[:12]}: {_said(done)}; goes on next time")

    def _curl(self, name: str, *options: str) -> subprocess.CompletedProcess[bytes]:
        trust = ["--cacert", self.authority] if self.authority else []
        return subprocess.run([*CURL, *trust, *options, f"{self.place}/{name}"], capture_output=True, check=False)


def _onto_disk(path: Path) -> None:
    with path.open("rb+") as stream:
        os.fsync(stream.fileno())


def digest(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _said(done: subprocess.CompletedProcess[bytes]) -> str:
    return " ".join(done.stderr.decode(errors="replace").split())[:300] or f"curl ended with {done.returncode}"
