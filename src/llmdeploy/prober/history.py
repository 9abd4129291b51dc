"""What a prober saw, in one SQLite file of bounded size: one process writes, any number read.

Write-ahead log, so readers never wait and a SIGKILL loses nothing that was committed. The oldest samples and probes go
first; events (an outage, a restart) are few and outlast them. Trouble with the disk is said once and probing goes on.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import sqlite3
import time
from array import array
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from llmdeploy.errors import StepError
from llmdeploy.prober.records import Event, Probe, Process, Sample
from llmdeploy.prober.store import ForeignSchema, open_store, set_aside, trim_to

MAX_ROWS = 2_000_000
CHECK_EVERY = 16
DETAIL_CHARS = 200
ITL_KEPT = 256
RETRY_SECONDS = 10.0
LOCK_SECONDS = 3.0
DAMAGED = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)

Done = TypeVar("Done")


class History:
    """The writer, bounded to `max_bytes` with its log and to `max_rows` samples and probes.

    `say` gets one line when the disk gives trouble and one when it is over; `errors` counts rows that were lost.
    Raises StepError where another prober writes already.
    """

    def __init__(self, path: Path, max_bytes: int, say: Callable[[str], None], max_rows: int = MAX_ROWS) -> None:
        self.errors = 0
        self._path = path
        self._bounds = (max_bytes, max_rows)
        self._say = say
        self._trouble = ""
        self._retry_at = 0.0
        self._writes = 0
        self._db: sqlite3.Connection | None = None
        self._lock = _lock_writer(path)
        self._guarded(lambda db: None)

    def add_sample(self, sample: Sample) -> None:
        process = sample.process or Process(0, 0.0)
        self._insert(
            "samples (at, up, health_s, running, waiting, generated_per_s, prompt_per_s, kv_usage, rss, pid, started,"
            " state)",
            sample.at, int(sample.up), sample.health_s, sample.running, sample.waiting, sample.generated_per_s,
            sample.prompt_per_s, sample.kv_usage, sample.rss, process.pid, process.started_at, sample.state,
        )  # fmt: skip

    def add_probe(self, probe: Probe) -> None:
        self._insert(
            "probes (at, name, outcome, ttft_s, total_s, itl, accuracy, detail)",
            probe.at, probe.name[:DETAIL_CHARS], probe.outcome, probe.ttft_s, probe.total_s,
            array("f", probe.itl[:ITL_KEPT]).tobytes(), probe.accuracy, probe.detail[:DETAIL_CHARS],
        )  # fmt: skip

    def save_event(self, event: Event) -> None:
        """Write an event, or its end when its beginning is there already."""
        self._insert(
            "events (kind, started, ended, detail)", event.kind, event.started, event.ended, event.detail[:DETAIL_CHARS]
        )

    def set_watch(self, sample_s: float, interval_s: float, min_accuracy: float) -> None:
        """Say when this prober began and how often it looks, so that a reader knows when it is silent."""
        self._insert(
            "watch (id, began, sample_s, interval_s, min_accuracy)", 1, time.time(), sample_s, interval_s, min_accuracy
        )

    def last_seen(self) -> tuple[float, Process | None] | None:
        """When the newest sample was taken, and the last process seen; None in an empty history."""

        def read(db: sqlite3.Connection) -> tuple[float, Process | None] | None:
            newest = db.execute("SELECT at FROM samples ORDER BY id DESC LIMIT 1").fetchone()
            process = db.execute("SELECT pid, started FROM samples WHERE pid > 0 ORDER BY id DESC LIMIT 1").fetchone()
            return (newest[0], Process(*process) if process else None) if newest else None

        return self._guarded(read)

    def open_down(self) -> Event | None:
        """The down event that a former prober left open."""
        open_event = "SELECT started, detail FROM events WHERE kind = 'down' AND ended IS NULL ORDER BY id DESC"
        found = self._guarded(lambda db: db.execute(open_event).fetchone())
        return Event("down", found[0], None, found[1]) if found else None

    def close(self) -> None:
        self._drop()
        os.close(self._lock)

    def _insert(self, target: str, *row: object) -> None:
        statement = f"INSERT OR REPLACE INTO {target} VALUES ({', '.join('?' * len(row))})"  # noqa: S608  (names are ours)
        self._guarded(lambda db: db.execute(statement, row))
        self._writes += 1
        if self._writes % CHECK_EVERY == 0:
            self._guarded(lambda db: trim_to(db, *self._bounds))

    def _guarded(self, work: Callable[[sqlite3.Connection], Done]) -> Done | None:
        """Do `work`. A damaged file is set aside and begun anew; other trouble is said, and the result is None."""
        if self._trouble and time.monotonic() < self._retry_at:
            self.errors += 1
            return None
        try:
            done = self._try(work)
        except (sqlite3.Error, OSError) as error:
            self._note(str(error))
            return None
        if self._trouble:
            self._say(f"history {self._path.name}: written again, {self.errors} rows were lost")
            self._trouble = ""
        return done

    def _try(self, work: Callable[[sqlite3.Connection], Done]) -> Done:
        try:
            return work(self._opened())
        except sqlite3.DatabaseError as error:
            if isinstance(error, ForeignSchema) or _code(error) in DAMAGED:
                self._drop()
                aside = set_aside(self._path)
                self._say(f"history {self._path.name}: {error}; moved to {aside.name} and begun anew")
            elif _code(error) == sqlite3.SQLITE_FULL:
                trim_to(self._opened(), *self._bounds)
            else:
                raise
        return work(self._opened())

    def _opened(self) -> sqlite3.Connection:
        if self._db is None:
            self._db = open_store(self._path, self._bounds[0])
        return self._db

    def _note(self, trouble: str) -> None:
        if not self._trouble:
            self._say(f"history {self._path.name}: {trouble}; probing goes on, these minutes will be missing")
        self.errors += 1
        self._trouble = trouble
        self._retry_at = time.monotonic() + RETRY_SECONDS
        self._drop()

    def _drop(self) -> None:
        if self._db is not None:
            with contextlib.suppress(
                sqlite3.Error
            ):  # closing moves the log into the file; what it cannot move stays in the log
                self._db.close()
            self._db = None


def _code(error: sqlite3.Error) -> int:
    """SQLite's primary result code; the upper bits say more than we need."""
    return getattr(error, "sqlite_errorcode", 0) & 0xFF


def _lock_writer(path: Path) -> int:
    try:
        lock = os.open(f"{path}.lock", os.O_RDWR | os.O_CREAT, 0o600)
    except OSError as error:
        raise StepError(
            f"cannot write beside {path}: {error.strerror}", "check the folder and its free space"
        ) from error
    deadline = time.monotonic() + LOCK_SECONDS
    while True:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() > deadline:
                os.close(lock)
                raise StepError(f"another prober writes {path}", "stop it, or wait until it ends") from None
            time.sleep(0.1)
        else:
            return lock
