"""A model hub on loopback: the part of the Hugging Face API that clients call, with faults on request.

    with HubServer() as hub:
        hub.add("owner/name", "0" * 40, {"config.json": b"{}"})
        hub.faults.cut_after = 1000

Shapes and headers follow what `huggingface_hub` 2.4 reads: `X-Repo-Commit`, `X-Linked-Size`, `X-Linked-Etag`,
`X-Error-Code`; a test of its own downloads with that library. Xet storage is absent, so files come over plain HTTP.
"""

from __future__ import annotations

import hashlib
import json
import re
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

LFS_SUFFIXES = (".gguf", ".safetensors", ".bin", ".pt", ".model")
PIECE_BYTES = 64 * 1024


@dataclass
class Faults:
    """What goes wrong. Counters go down with every use; a test changes them while the server runs.

    `cut_after`: close the connection after so many bytes of one file, `cuts` times. `pause`: seconds between pieces
    of 64 KiB. `status` answers for the next requests whose path contains the key: `{"resolve": [429, 503]}`.
    `wrong`: file names whose bytes come out changed. `ignore_range`: answer 200 with the whole file. `silent`: seconds
    before any answer.
    """

    cut_after: int | None = None
    cuts: int = 1
    pause: float = 0.0
    silent: float = 0.0
    ignore_range: bool = False
    wrong: set[str] = field(default_factory=set)
    status: dict[str, list[int]] = field(default_factory=dict)


@dataclass(frozen=True)
class Request:
    """One request as it came in; header names in small letters."""

    method: str
    path: str
    headers: dict[str, str]


@dataclass
class Repository:
    """Files by commit hash, names of branches, and who may read."""

    revisions: dict[str, dict[str, bytes]] = field(default_factory=dict)
    branches: dict[str, str] = field(default_factory=dict)
    gated: bool = False
    private: bool = False
    license: str = "apache-2.0"

    def commit(self, revision: str) -> str | None:
        found = self.branches.get(revision, revision)
        return found if found in self.revisions else None


class HubServer:
    """The server. `bytes_sent` counts the bytes of files, `requests` holds every request in order.

    `cdn` is a second `HubServer` that files are fetched from by redirect, as the real hub does.
    """

    def __init__(self, cdn: HubServer | None = None) -> None:
        self.token = "hf_right"
        self.cdn = cdn
        self.repositories: dict[str, Repository] = {}
        self.faults = Faults()
        self.requests: list[Request] = []
        self.bytes_sent = 0
        self.lock = threading.Lock()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def add(
        self, repo: str, revision: str, files: dict[str, bytes], *, branch: str = "main", **kind: Any
    ) -> Repository:
        """Add a commit and point `branch` at it; `kind`: gated, private, license."""
        repository = self.repositories.setdefault(repo, Repository())
        repository.revisions[revision] = files
        repository.branches[branch] = revision
        for name, value in kind.items():
            setattr(repository, name, value)
        if self.cdn is not None:
            self.cdn.add(repo, revision, files, branch=branch)
        return repository

    def paths(self, part: str = "") -> list[str]:
        """The paths asked for, those that contain `part`."""
        return [request.path for request in self.requests if part in request.path]

    def __enter__(self) -> HubServer:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(5)


def git_blob_id(content: bytes) -> str:
    """The id git gives a file: SHA-1 over `blob <size>\\0` and the content."""
    return hashlib.sha1(b"blob %d\0" % len(content) + content, usedforsecurity=False).hexdigest()


def describe(name: str, content: bytes) -> dict[str, Any]:
    """One file as model info and the tree show it (their spellings of the name differ)."""
    about: dict[str, Any] = {"size": len(content), "blobId": git_blob_id(content), "oid": git_blob_id(content)}
    if name.endswith(LFS_SUFFIXES):
        digest = hashlib.sha256(content).hexdigest()
        about["lfs"] = {"sha256": digest, "oid": digest, "size": len(content), "pointerSize": 134}
    return about


@dataclass(frozen=True)
class Answer:
    status: int
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)


def refusal(status: int, code: str, message: str) -> Answer:
    body = json.dumps({"error": message}).encode()
    return Answer(status, body, {"X-Error-Code": code, "X-Error-Message": message})


def _json(value: Any) -> Answer:
    return Answer(200, json.dumps(value).encode(), {"Content-Type": "application/json"})


ROUTES = (
    ("info", r"/api/models/(?P<repo>[^/]+/[^/]+)(?:/revision/(?P<revision>[^/]+))?"),
    ("tree", r"/api/models/(?P<repo>[^/]+/[^/]+)/tree/(?P<revision>[^/]+)(?:/(?P<name>.*))?"),
    ("paths", r"/api/models/(?P<repo>[^/]+/[^/]+)/paths-info/(?P<revision>[^/]+)"),
    ("refs", r"/api/models/(?P<repo>[^/]+/[^/]+)/refs"),
    ("file", r"/(?P<repo>[^/]+/[^/]+)/resolve/(?P<revision>[^/]+)/(?P<name>.+)"),
)


def _route(path: str) -> tuple[str, dict[str, str]] | None:
    for kind, pattern in ROUTES:
        if match := re.fullmatch(pattern, path):
            return kind, {key: unquote(value) for key, value in match.groupdict().items() if value}
    return None


def _refused(hub: HubServer, headers: dict[str, str], found: Repository | None) -> Answer | None:
    allowed = headers.get("authorization") == f"Bearer {hub.token}"
    if found is None or (found.private and not allowed):
        # The real hub answers 401 to strangers whether the repository is private or was never there.
        status = 404 if allowed else 401
        return refusal(status, "RepoNotFound", "Repository not found" if allowed else "Invalid username or password.")
    if found.gated and not allowed:
        status = 403 if "authorization" in headers else 401
        return refusal(status, "GatedRepo", "Access to this model is restricted. You must be authenticated.")
    return None


def _info(repo: str, found: Repository, commit: str) -> dict[str, Any]:
    files = found.revisions[commit]
    return {
        "id": repo,
        "sha": commit,
        "private": found.private,
        "gated": "manual" if found.gated else False,
        "tags": [f"license:{found.license}"],
        "cardData": {"license": found.license},
        "siblings": [{"rfilename": name, **describe(name, content)} for name, content in files.items()],
    }


def _tree(files: dict[str, bytes], names: list[str]) -> list[dict[str, Any]]:
    chosen = names or list(files)
    return [{"type": "file", "path": name, **describe(name, files[name])} for name in chosen if name in files]


def _handler(hub: HubServer) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, format: str, *args: object) -> None:
            return

        def do_GET(self) -> None:
            self._answer()

        def do_HEAD(self) -> None:
            self._answer()

        def do_POST(self) -> None:
            self._answer()

        def _answer(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            headers = {key.lower(): value for key, value in self.headers.items()}
            with hub.lock:
                hub.requests.append(Request(self.command, self.path, headers))
                planned = [codes for part, codes in hub.faults.status.items() if part in self.path and codes]
                status = planned[0].pop(0) if planned else None
            time.sleep(hub.faults.silent)
            if status is not None:
                self._send(Answer(status, b"{}", {"Retry-After": "0"}))
                return
            self._dispatch(urlsplit(self.path).path, body, headers)

        def _dispatch(self, path: str, body: bytes, headers: dict[str, str]) -> None:
            route = _route(path)
            if route is None:
                self._send(refusal(404, "", "no such path"))
                return
            kind, parts = route
            found = hub.repositories.get(parts["repo"])
            refused = _refused(hub, headers, found)
            # Model info of a gated repository is public, its files are not.
            if refused is not None and not (found and found.gated and not found.private and kind != "file"):
                self._send(refused)
                return
            assert found is not None
            commit = found.commit(parts.get("revision", "main"))
            if kind == "refs":
                names = [{"name": n, "ref": f"refs/heads/{n}", "targetCommit": c} for n, c in found.branches.items()]
                self._send(_json({"branches": names, "tags": [], "converts": []}))
            elif commit is None:
                self._send(refusal(404, "RevisionNotFound", f"Invalid rev id: {parts.get('revision')}"))
            elif kind == "info":
                self._send(_json(_info(parts["repo"], found, commit)))
            elif kind == "tree":
                self._send(_json(_tree(found.revisions[commit], [])))
            elif kind == "paths":
                self._send(_json(_tree(found.revisions[commit], parse_qs(body.decode()).get("paths", []))))
            else:
                self._file(found.revisions[commit], commit, parts["name"])

        def _file(self, files: dict[str, bytes], commit: str, name: str) -> None:
            about = {"X-Repo-Commit": commit}
            if name not in files:
                missing = refusal(404, "EntryNotFound", "Entry not found")
                self._send(Answer(404, missing.body, {**missing.headers, **about}))
                return
            content = files[name]
            described = describe(name, content)
            etag = described["lfs"]["sha256"] if "lfs" in described else described["blobId"]
            about["ETag"] = f'"{etag}"'
            if "lfs" in described:
                about |= {"X-Linked-Etag": f'"{etag}"', "X-Linked-Size": str(len(content))}
            if hub.cdn is not None:
                self._send(Answer(302, b"", {**about, "Location": hub.cdn.url + self.path}))
                return
            if name in hub.faults.wrong:
                content = bytes([content[0] ^ 0xFF]) + content[1:]
            self._send_range(content, about)

        def _send_range(self, content: bytes, about: dict[str, str]) -> None:
            wanted = re.fullmatch(r"bytes=(\d+)-(\d*)", self.headers.get("Range", ""))
            about["Accept-Ranges"] = "bytes"
            if wanted is None or hub.faults.ignore_range:
                self._send(Answer(200, content, about), file=True)
                return
            start = int(wanted[1])
            end = min(int(wanted[2] or len(content)), len(content) - 1)
            if start >= len(content):
                self._send(Answer(416, b"", {"Content-Range": f"bytes */{len(content)}"}))
                return
            about["Content-Range"] = f"bytes {start}-{end}/{len(content)}"
            self._send(Answer(206, content[start : end + 1], about), file=True)

        def _send(self, answer: Answer, *, file: bool = False) -> None:
            self.send_response(answer.status)
            for key, value in answer.headers.items():
                self.send_header(key, value)
            self.send_header("Content-Length", str(len(answer.body)))
            self.end_headers()
            if self.command == "HEAD":
                return
            for piece in self._pieces(answer.body) if file else [answer.body]:
                try:
                    self.wfile.write(piece)
                    self.wfile.flush()
                except (BrokenPipeError, ConnectionResetError):
                    self.close_connection = True  # the client was killed: that is the point of such a test
                    return
                if file:
                    with hub.lock:
                        hub.bytes_sent += len(piece)

        def _pieces(self, body: bytes) -> Iterator[bytes]:
            cut = hub.faults.cut_after if hub.faults.cuts > 0 else None
            end = len(body) if cut is None else min(cut, len(body))
            for start in range(0, end, PIECE_BYTES):
                yield body[start : min(start + PIECE_BYTES, end)]
                time.sleep(hub.faults.pause)
            if end < len(body):
                hub.faults.cuts -= 1
                self.close_connection = True

    return Handler
