"""Takes a replica out of HAProxy's rotation and back: in its memory, through the admin socket on the same host, and in
the file that it reads when it starts or reloads."""

from __future__ import annotations

import argparse
import csv
import socket
from dataclasses import dataclass
from pathlib import Path

from llmdeploy.errors import StepError
from llmdeploy.onhost.slots import write_whole

ANSWER_SECONDS = 5.0
SHOW_BACKENDS = "show stat -1 2 -1"  # any proxy, type 2: backends alone, any server


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--admin", type=Path, required=True, help="HAProxy's admin socket")
    parser.add_argument("--map", type=Path, required=True, help="HAProxy's map of this replica, as it names the file")
    parser.add_argument("--replica", required=True, help="the key in the map and the name of the backend")


@dataclass(frozen=True)
class Rotation:
    """One replica as the HAProxy behind `admin` sees it."""

    admin: Path
    map: Path
    replica: str

    @classmethod
    def of(cls, args: argparse.Namespace) -> Rotation:
        return cls(args.admin, args.map, args.replica)

    def there(self) -> bool:
        """Whether a HAProxy listens; a host without one has no rotation."""
        try:
            with self._connected():
                return True
        except (FileNotFoundError, ConnectionRefusedError):
            return False
        except OSError as error:
            raise StepError(f"cannot reach HAProxy at {self.admin}: {error.strerror or error}") from error

    def drain(self, out: bool) -> bool:
        """Set the replica's mark: with it the health checks get 404, and no new request comes. It is kept until it is
        set again, whatever becomes of HAProxy. Returns whether a HAProxy listens that was told of it.

        Raises StepError where HAProxy or the disk refuses.
        """
        there = self.there()
        if there or self.map.exists():
            self._keep(out)
        if there:
            self.mark(out)
        return there

    def _keep(self, out: bool) -> None:
        try:
            write_whole(self.map, f"{self.replica} {'yes' if out else 'no'}\n")
        except OSError as error:
            raise StepError(f"cannot write {self.map}: {error.strerror or error}") from error

    def mark(self, out: bool) -> None:
        """Tell HAProxy alone. A reload that read the file just before it was written does not know the mark yet."""
        said = self._ask(f"set map {self.map} {self.replica} {'yes' if out else 'no'}").strip()
        if said:
            raise StepError(f"HAProxy does not mark {self.replica}: {' '.join(said.split())[:200]}")

    def sessions(self) -> int:
        """Requests that the replica's backend is working on or has queued."""
        lines = self._ask(SHOW_BACKENDS).lstrip("# ").splitlines()
        for row in csv.DictReader(lines):
            if row.get("pxname") == self.replica and row.get("svname") == "BACKEND":
                return int(row["scur"] or 0) + int(row["qcur"] or 0)
        raise StepError(f"HAProxy has no backend {self.replica}")

    def _connected(self) -> socket.socket:
        connection = socket.socket(socket.AF_UNIX)
        connection.settimeout(ANSWER_SECONDS)
        try:
            connection.connect(str(self.admin))
        except OSError:
            connection.close()
            raise
        return connection

    def _ask(self, command: str) -> str:
        """HAProxy answers one line of commands and closes."""
        try:
            with self._connected() as connection:
                connection.sendall(f"{command}\n".encode())
                parts = []
                while part := connection.recv(65536):
                    parts.append(part)
        except OSError as error:
            raise StepError(f"HAProxy at {self.admin} does not answer: {error.strerror or error}") from error
        return b"".join(parts).decode(errors="replace")
