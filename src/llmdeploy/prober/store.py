"""The SQLite file under a history: how it is opened, kept below its bound, and set aside when it is damaged."""

from __future__ import annotations

import os
import sqlite3
from pathlib import Path

SCHEMA_VERSION = 1
SCHEMA = """
BEGIN;
CREATE TABLE samples (id INTEGER PRIMARY KEY, at REAL, up INTEGER, health_s REAL, running REAL, waiting REAL,
  generated_per_s REAL, prompt_per_s REAL, kv_usage REAL, rss INTEGER, pid INTEGER, started REAL, state TEXT);
CREATE INDEX samples_at ON samples (at);
CREATE TABLE probes (id INTEGER PRIMARY KEY, at REAL, name TEXT, outcome TEXT, ttft_s REAL, total_s REAL, itl BLOB,
  accuracy REAL, detail TEXT);
CREATE INDEX probes_at ON probes (at);
CREATE TABLE events (id INTEGER PRIMARY KEY, kind TEXT, started REAL, ended REAL, detail TEXT, UNIQUE (kind, started));
CREATE TABLE watch (id INTEGER PRIMARY KEY, began REAL, sample_s REAL, interval_s REAL, min_accuracy REAL);
PRAGMA user_version = 1;
COMMIT;
"""
PAGE = 4096
WAL_PAGES = 32
# Kept free of the budget: the log (twice its checkpoint size, for a reader may delay one) and its shared-memory index.
RESERVE = 2 * WAL_PAGES * PAGE + 32 * 1024
TRIM_ROWS = 256
FULL_SHARE = 0.95
PARTS = ("", "-wal", "-shm")


class ForeignSchema(sqlite3.DatabaseError):
    """The file was written by another version of the prober."""


def open_store(path: Path, max_bytes: int) -> sqlite3.Connection:
    """Open or make the database, private to its owner and unable to grow over `max_bytes` with its log.

    Raises sqlite3.DatabaseError where the file is no database of ours, OSError where it cannot be made.
    """
    os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
    db = sqlite3.connect(path, isolation_level=None, timeout=5.0)
    try:
        db.execute(f"PRAGMA page_size = {PAGE}")
        db.execute("PRAGMA auto_vacuum = INCREMENTAL")
        db.execute("PRAGMA journal_mode = WAL")
        db.execute("PRAGMA synchronous = NORMAL")
        db.execute(f"PRAGMA wal_autocheckpoint = {WAL_PAGES}")
        db.execute(f"PRAGMA journal_size_limit = {WAL_PAGES * PAGE}")
        db.execute("PRAGMA cache_size = -512")
        version = db.execute("PRAGMA user_version").fetchone()[0]
        if version == 0:
            db.executescript(SCHEMA)
        elif version != SCHEMA_VERSION:
            raise ForeignSchema(f"schema version {version} is not {SCHEMA_VERSION}")
        while _used_pages(db) > FULL_SHARE * _max_pages(max_bytes) and _trim(db):
            pass  # the bound was lowered since the last run
        db.executescript("PRAGMA incremental_vacuum")  # a step per page; `execute` takes only the first
        db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        db.execute(f"PRAGMA max_page_count = {_max_pages(max_bytes)}")
    except BaseException:
        db.close()
        raise
    return db


def trim_to(db: sqlite3.Connection, max_bytes: int, max_rows: int) -> None:
    """Let the oldest rows go, in small steps, until the bounds hold again."""
    full = FULL_SHARE * _max_pages(max_bytes)
    while (_used_pages(db) > full or sum(_rows(db, table) for table in ("samples", "probes")) > max_rows) and _trim(db):
        pass
    # An event takes under 400 bytes; a quarter of the file is theirs.
    most = max_bytes // 4 // 400
    db.execute("DELETE FROM events WHERE id <= (SELECT max(id) FROM events) - ?", (most,))


def set_aside(path: Path) -> Path:
    """Move a damaged database away, over an older one moved before; the new name."""
    aside = path.with_name(f"{path.name}.damaged")
    for part in PARTS:
        source, target = Path(f"{path}{part}"), Path(f"{aside}{part}")
        if source.exists():
            source.replace(target)
        else:
            target.unlink(missing_ok=True)
    return aside


def _max_pages(max_bytes: int) -> int:
    return (max_bytes - RESERVE) // PAGE


def _used_pages(db: sqlite3.Connection) -> int:
    pages: int = db.execute("PRAGMA page_count").fetchone()[0]
    free: int = db.execute("PRAGMA freelist_count").fetchone()[0]
    return pages - free


def _rows(db: sqlite3.Connection, table: str) -> int:
    """Rows of a table that grows at one end and shrinks at the other; counting them one by one would take long."""
    count: int = db.execute(f"SELECT coalesce(max(id) - min(id) + 1, 0) FROM {table}").fetchone()[0]  # noqa: S608
    return count


def _trim(db: sqlite3.Connection) -> bool:
    """Remove the oldest rows of the longer table, and what is older in the other; false where there is none."""
    table, other = sorted(("samples", "probes"), key=lambda name: _rows(db, name), reverse=True)
    if not _rows(db, table):
        return False
    last, until = db.execute(
        f"SELECT max(id), max(at) FROM (SELECT id, at FROM {table} ORDER BY id LIMIT {TRIM_ROWS})"  # noqa: S608
    ).fetchone()
    db.execute("BEGIN")
    db.execute(f"DELETE FROM {table} WHERE id <= ?", (last,))  # noqa: S608
    db.execute(f"DELETE FROM {other} WHERE at < ?", (until,))  # noqa: S608
    db.execute("COMMIT")
    return True
