"""The Hugging Face hub: what a repository holds, and reading a file of it in place."""

from __future__ import annotations

import difflib
import io
import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, BinaryIO
from urllib.parse import quote

from llmdeploy.adapters.hub.choice import choose_file
from llmdeploy.adapters.hub.model import HubFile, HubModel, is_commit
from llmdeploy.adapters.hub.refusals import listed
from llmdeploy.adapters.hub.remote import Patience, Remote, connect
from llmdeploy.errors import MissingError, StepError
from llmdeploy.secret import Secret

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

__all__ = ["HubFile", "HubModel", "choose_file", "is_commit", "lookup", "open_remote", "resolve_revision"]

WINDOW_BYTES = 2 * 1024 * 1024
"""Bytes asked for at once when a remote file is read: the header of a GGUF with 150,000 tokens is 5 to 10 MB."""


def lookup(
    repository: str, revision: str = "main", token: Secret | None = None, endpoint: str | None = None
) -> HubModel:
    """What `repository` holds at `revision` (branch, tag or commit), in one API call.

    Raises MissingError for a name or revision that is not there, a repository closed to this token, or no network.
    """
    from huggingface_hub.errors import RevisionNotFoundError

    remote = connect(repository, token, endpoint)
    revision = revision or "main"
    path = f"/api/models/{repository}/revision/{quote(revision, safe='')}?blobs=true"
    with remote.in_words(revision):
        try:
            return _parse(repository, remote.get_json(path))
        except RevisionNotFoundError as error:
            raise _no_such_revision(remote, revision) from error


def resolve_revision(
    repository: str, revision: str = "main", token: Secret | None = None, endpoint: str | None = None
) -> str:
    """The commit hash behind a branch or tag; a commit hash is its own answer and costs no request."""
    return revision if is_commit(revision) else lookup(repository, revision, token, endpoint).revision


def open_remote(
    repository: str, revision: str, file: str, token: Secret | None = None, endpoint: str | None = None
) -> BinaryIO:
    """A file of the hub to read and seek in; only the parts that are read are fetched. Close it after use.

    Raises MissingError like `lookup`, StepError where the hub does not serve ranges; both may come while reading.
    """
    raw = _RangeReader(connect(repository, token, endpoint), revision, file)
    raw.fetch_window(0)
    return io.BufferedReader(raw, 64 * 1024)


def _no_such_revision(remote: Remote, revision: str) -> MissingError:
    refs = remote.get_json(f"/api/models/{remote.repository}/refs")
    names = [str(ref["name"]) for kind in ("branches", "tags") for ref in refs.get(kind, [])]
    near = difflib.get_close_matches(revision, names, n=3)
    hint = f"did you mean {' or '.join(near)}?" if near else f"there is {listed(names)}, and every commit hash"
    return MissingError(f"{remote.repository} has no revision {revision}", hint)


def _parse(repository: str, info: Any) -> HubModel:
    try:
        files = tuple(_parse_file(one) for one in info["siblings"])
        tags = [str(tag) for tag in info.get("tags") or []]
        named = next((tag.partition(":")[2] for tag in tags if tag.startswith("license:")), "")
        model = HubModel(repository, str(info["sha"]), files, bool(info.get("gated")), named)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise StepError(f"{repository}: the hub's answer lacks {error}", "check HF_ENDPOINT") from error
    if not is_commit(model.revision):
        raise StepError(f"{repository}: {model.revision!r} is no commit hash", "check HF_ENDPOINT")
    return model


def _parse_file(about: Mapping[str, Any]) -> HubFile:
    large = about.get("lfs") or {}
    size = large.get("size")
    return HubFile(
        str(about["rfilename"]),
        int(about["size"] if size is None else size),
        str(large.get("sha256", "")),
        str(about.get("blobId") or ""),
    )


class _RangeReader(io.RawIOBase):
    """Reads a remote file by windows of 2 MiB; holds one of them in memory."""

    def __init__(self, remote: Remote, revision: str, file: str) -> None:
        self._remote, self._revision, self._file = remote, revision, file
        self._position, self._size = 0, 0
        self._start, self._window = 0, b""

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        origin = {io.SEEK_SET: 0, io.SEEK_CUR: self._position, io.SEEK_END: self._size}[whence]
        self._position = max(0, origin + offset)
        return self._position

    def readinto(self, buffer: WriteableBuffer) -> int:
        if self._position >= self._size:
            return 0
        if not self._start <= self._position < self._start + len(self._window):
            self.fetch_window(self._position)
        target = memoryview(buffer).cast("B")
        offset = self._position - self._start
        piece = self._window[offset : offset + len(target)]
        target[: len(piece)] = piece
        self._position += len(piece)
        return len(piece)

    def fetch_window(self, start: int) -> None:
        """Hold the bytes from `start` on, and learn the size of the file."""
        patience = Patience()
        with self._remote.in_words(self._file):
            while True:
                try:
                    self._window, self._size = self._range(start)
                    self._start = start
                    return
                except patience.errors as error:
                    patience.wait(error)

    def _range(self, start: int) -> tuple[bytes, int]:
        url = self._remote.url_of(self._revision, self._file)
        end = start + WINDOW_BYTES - 1
        with self._remote.get(url, Range=f"bytes={start}-{end}") as answer:
            match = re.fullmatch(r"bytes (\d+)-(\d+)/(\d+)", answer.headers.get("Content-Range", ""))
            if answer.status_code != 206 or match is None or int(match[1]) != start:
                raise StepError(f"{url}: the server does not serve parts of a file", "check HF_ENDPOINT and the proxy")
            body = answer.read()
        if len(body) != int(match[2]) - start + 1:
            raise StepError(f"{url}: {len(body)} bytes came where {match[0]} was announced", "run again")
        return body, int(match[3])
