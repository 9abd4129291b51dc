"""One archive with a list of checksums inside: the same bytes for the same files, and nothing unpacked that differs."""

from __future__ import annotations

import hashlib
import io
import re
import tarfile
from collections.abc import Mapping
from pathlib import Path
from typing import IO

from llmdeploy.errors import StepError

SUMS = "SHA256SUMS"
BLOCK = 1024 * 1024
LINE = re.compile(r"([0-9a-f]{64})  (\S.*)")


def write_archive(target: Path, files: Mapping[str, Path]) -> str:
    """Write `files` by their names in the archive, whole or not at all; the archive's own sha256."""
    sums = "".join(f"{_sha256(path)}  {name}\n" for name, path in sorted(files.items()))
    partial = target.with_name(f".{target.name}.partial")
    with partial.open("wb") as stream, tarfile.open(fileobj=stream, mode="w", format=tarfile.PAX_FORMAT) as archive:
        _add(archive, SUMS, io.BytesIO(sums.encode()), len(sums.encode()))
        for name, path in sorted(files.items()):
            with path.open("rb") as content:
                _add(archive, name, content, path.stat().st_size)
    digest = _sha256(partial)
    partial.replace(target)
    return digest


def unpack_archive(source: Path, folder: Path) -> None:
    """Unpack into an empty folder. Raises StepError for any file that is missing, unknown or not as the list says."""
    try:
        with source.open("rb") as stream, tarfile.open(fileobj=stream, mode="r:") as archive:
            _unpack(archive, source, folder)
    except FileNotFoundError:
        raise StepError(f"{source} does not exist", "make one: `llmdeploy bundle -o FILE`") from None
    except tarfile.TarError as error:
        raise StepError(f"{source} is no bundle, or is damaged: {error}", "copy it again") from error


def _unpack(archive: tarfile.TarFile, source: Path, folder: Path) -> None:
    first = archive.next()
    if first is None or first.name != SUMS:
        raise StepError(f"{source} is no bundle: it does not begin with {SUMS}", "make one: `llmdeploy bundle`")
    wanted = _read_sums(archive, first, source)
    while (member := archive.next()) is not None:
        expected = wanted.pop(member.name, "")
        content = archive.extractfile(member) if member.isreg() else None
        if not expected or content is None or not _inside(member.name):
            raise StepError(f"{source}: {member.name} is not in its list of checksums", "copy it again")
        if _copy(content, folder / member.name) != expected:
            raise StepError(f"{source}: {member.name} has another sha256 than its list says", "copy it again")
    if wanted:
        raise StepError(f"{source}: {next(iter(wanted))} is missing", "copy it again")


def _read_sums(archive: tarfile.TarFile, member: tarfile.TarInfo, source: Path) -> dict[str, str]:
    content = archive.extractfile(member)
    lines = content.read().decode(errors="replace").splitlines() if content else []
    found = [LINE.fullmatch(line) for line in lines]
    if not lines or not all(found):
        raise StepError(f"{source}: {SUMS} cannot be read", "copy it again")
    return {match.group(2): match.group(1) for match in found if match}


def _add(archive: tarfile.TarFile, name: str, content: IO[bytes], size: int) -> None:
    entry = tarfile.TarInfo(name)
    entry.size, entry.mode = size, 0o644
    archive.addfile(entry, content)


def _inside(name: str) -> bool:
    return all(part not in ("", ".", "..") for part in name.split("/"))


def _copy(content: IO[bytes], target: Path) -> str:
    digest = hashlib.sha256()
    target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with target.open("wb") as stream:
        while block := content.read(BLOCK):
            digest.update(block)
            stream.write(block)
    return digest.hexdigest()


def _sha256(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
