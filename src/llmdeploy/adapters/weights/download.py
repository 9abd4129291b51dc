"""One file of a hub, brought to a partial file that a later run goes on from.

`hf_hub_download` is not used for this: in huggingface_hub 2.4 its partial file has a name of its own in every
process and is deleted on failure, so that a download of 20 GB that was killed starts again from nothing.
"""

from __future__ import annotations

import errno
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from llmdeploy.adapters.hub.model import HubFile
from llmdeploy.adapters.hub.remote import Patience, Remote
from llmdeploy.adapters.weights.sums import Arrived, Sums
from llmdeploy.errors import StepError

if TYPE_CHECKING:
    import httpx2

LARGEST_BYTES = 50_000_000_000
"""What plain HTTP serves of one file (`MAX_HTTP_DOWNLOAD_SIZE` of huggingface_hub 2.4)."""
FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
READ_ONLY = (errno.EROFS, errno.EACCES, errno.EPERM)


def download(remote: Remote, revision: str, file: HubFile, partial: Path, arrived: Arrived) -> Sums:
    """Bring `partial` to the size of `file`, and give the sums of what it then holds.

    Bytes that lie there already are kept and only read. `arrived` gets the count of bytes as they are there, below zero
    where a server makes us start again. Raises MissingError for access and network, StepError for the disk.
    """
    if file.size > LARGEST_BYTES:
        hint = f"fetch it with `hf download {remote.repository} {file.name} --local-dir DIR` and give that path"
        raise StepError(f"{file.name}: {file.size / 1e9:.0f} GB in one file is over what plain HTTP serves", hint)
    with disk_in_words(partial, file.size):
        partial.parent.mkdir(parents=True, exist_ok=True)
        if partial.is_symlink() or (partial.exists() and partial.stat().st_size > file.size):
            partial.unlink()
        partial.touch()
        transfer = _Transfer(remote, revision, file, partial, arrived)
        transfer.run()
        return transfer.sums


def disk_error(error: OSError, path: Path, needed: int) -> StepError:
    """The error to raise for one of the file system at `path`, where `needed` bytes were to go."""
    if error.errno in FULL:
        hint = f"{path.name} needs {needed / 1e6:,.1f} MB: free some space and run again, what has arrived is kept"
        return StepError(f"the disk is full at {path.parent} ({error.strerror})", hint)
    if error.errno in READ_ONLY:
        hint = "check its owner and mode; LLMDEPLOY_MODELS names another folder for models"
        return StepError(f"no access to {path} ({error.strerror})", hint)
    return StepError(f"{path}: {error.strerror or error}", "check the disk, then run again")


@contextmanager
def disk_in_words(path: Path, needed: int) -> Iterator[None]:
    """Turn an error of the file system into a StepError, as `disk_error` does."""
    try:
        yield
    except OSError as error:
        raise disk_error(error, path, needed) from error


class _Transfer:
    def __init__(self, remote: Remote, revision: str, file: HubFile, partial: Path, arrived: Arrived) -> None:
        self._remote, self._file, self._partial, self._arrived = remote, file, partial, arrived
        self._url = remote.url_of(revision, file.name)
        self._patience = Patience()
        self.sums = Sums(file.size)

    def run(self) -> None:
        self.sums.read(self._partial, self._arrived)
        while self.sums.seen < self._file.size:
            with self._remote.in_words(self._file.name):
                try:
                    self._receive()
                except self._patience.errors as error:
                    self._patience.wait(error)

    def _receive(self) -> None:
        start = self.sums.seen
        wanted = {"Range": f"bytes={start}-"} if start else {}
        # Every try goes through the hub's own address: the signed one that it redirects to runs out.
        with self._remote.get(self._url, **wanted) as answer:
            if start and not _continues(answer, start):
                self._start_again()
            with self._partial.open("ab") as target:
                for piece in answer.iter_bytes():
                    if self.sums.seen + len(piece) > self._file.size:
                        break
                    target.write(piece)
                    self.sums.add(piece)
                    self._arrived(len(piece))
                    self._patience.progressed()
                else:
                    piece = b""
        if piece or self.sums.seen == start:
            hint = "run again; if it stays so, the repository was changed or a proxy is in between"
            raise StepError(f"{self._file.name}: the server's file is not the {self._file.size:,} bytes listed", hint)

    def _start_again(self) -> None:
        self._arrived(-self.sums.seen)
        self._partial.write_bytes(b"")
        self.sums = Sums(self._file.size)


def _continues(answer: httpx2.Response, start: int) -> bool:
    match = re.match(r"bytes (\d+)-", answer.headers.get("Content-Range", ""))
    return answer.status_code == 206 and match is not None and int(match[1]) == start
