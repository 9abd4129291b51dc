"""Calls to supervisord: XML-RPC over a Unix socket."""

from __future__ import annotations

import http.client
import os
import socket
import xmlrpc.client
from pathlib import Path
from typing import Any

CALL_SECONDS = 20.0
UNIX_PATH_LIMIT = 90  # sun_path holds 108 bytes on Linux, 104 elsewhere; supervisor adds a process id


def is_deep(path: Path) -> bool:
    """Whether a socket's path does not fit into a socket address; Linux can name it by an open folder."""
    return len(os.fsencode(path)) > UNIX_PATH_LIMIT


def call(path: Path, method: str, *args: str) -> Any:
    """What `method` answers. Raises OSError where nobody listens, xmlrpc.client.Fault where the daemon refuses."""
    with xmlrpc.client.ServerProxy("http://localhost", _UnixTransport(path)) as server:
        return getattr(server, method)(*args)


class _UnixTransport(xmlrpc.client.Transport):
    def __init__(self, path: Path) -> None:
        super().__init__()
        self.path = path

    def make_connection(self, host: Any) -> http.client.HTTPConnection:
        return _UnixConnection(self.path)


class _UnixConnection(http.client.HTTPConnection):
    def __init__(self, path: Path) -> None:
        super().__init__("localhost", timeout=CALL_SECONDS)
        self.path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        if not is_deep(self.path):
            self.sock.connect(str(self.path))
            return
        folder = os.open(self.path.parent, os.O_RDONLY)
        try:
            self.sock.connect(f"/proc/self/fd/{folder}/{self.path.name}")
        finally:
            os.close(folder)
