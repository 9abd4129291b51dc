"""A Unix socket that speaks the part of HAProxy's admin protocol that a drain uses: `set map` and `show stat`.

Not HAProxy: hosts of the tests under tests/hosts run the real one.
"""

from __future__ import annotations

import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

HEAD = "# pxname,svname,qcur,qmax,scur,smax,"


class AdminSocket(socketserver.ThreadingUnixStreamServer):
    """`sessions` is what the next looks see, the last one again and again; `said` is all that was asked."""

    daemon_threads = True

    def __init__(self, path: Path, sessions: list[int], backend: str = "replica-0") -> None:
        super().__init__(str(path), _Answer)
        self.sessions, self.backend = sessions, backend
        self.map = {"replica-0": "no"}
        self.said: list[str] = []

    def answer(self, line: str) -> str:
        self.said.append(line)
        words = line.split()
        if words[:2] == ["set", "map"]:
            if words[3] not in self.map:
                return "entry not found.\n"
            self.map[words[3]] = words[4]
            return "\n"
        now = self.sessions.pop(0) if len(self.sessions) > 1 else self.sessions[0]
        return f"{HEAD}\nother,BACKEND,0,0,9,9,\n{self.backend},BACKEND,0,0,{now},9,\n\n"


class _Answer(socketserver.StreamRequestHandler):
    server: AdminSocket

    def handle(self) -> None:
        line = self.rfile.readline().decode().strip()
        self.wfile.write(self.server.answer(line).encode())


@contextmanager
def admin_socket(path: Path, sessions: list[int], backend: str = "replica-0") -> Iterator[AdminSocket]:
    with AdminSocket(path, sessions, backend) as server:
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        yield server
        server.shutdown()
