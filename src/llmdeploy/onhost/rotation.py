"""Takes a replica out of HAProxy's rotation and back, through HAProxy's admin socket on the same host."""

from __future__ import annotations

import argparse
import csv
import socket
from dataclasses import dataclass
from pathlib import Path

from llmdeploy.errors import StepError

ANSWER_SECONDS = 5.0
SHOW_BACKENDS = "show stat -1 2 -1"  # any proxy, type 2: backends alone, any server


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--admin", type=Path, required=True, help="HAProxy's admin socket")
    parser.add_argument("--map", required=True, help="HAProxy's map of drained replicas, as it names the file")
    parser.add_argument("--replica", required=True, help="the key in the map and the name of the backend")


@dataclass(frozen=True)
class Rotation:
    """One replica as the HAProxy behind `admin` sees it."""

    admin: Path
    map: str
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

    def drain(self, out: bool) -> None:
        """Set the replica's mark: with it the health checks get 404, and no new request comes."""
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
