"""The history keeps its bound and survives what happens to disks and processes."""

from __future__ import annotations

import signal
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import pytest

from llmdeploy.errors import StepError
from llmdeploy.monitoring.snapshot import read_snapshot
from llmdeploy.prober import history as history_module
from llmdeploy.prober.history import History
from llmdeploy.prober.records import Event, Probe, Process, Sample

MIB = 2**20


def sample(at: float, up: bool = True) -> Sample:
    return Sample(at, up, 0.001, 1.0, 2.0, 100.5, 20.25, 0.375, 50_000_000, Process(4242, 1_800_000_000.25), "RUNNING")


def on_disk(path: Path) -> int:
    return sum(part.stat().st_size for part in path.parent.glob(f"{path.name}*"))


def rows(path: Path, question: str) -> list[tuple[object, ...]]:
    with sqlite3.connect(path) as db:
        found = db.execute(question).fetchall()
    db.close()
    return found


def test_the_file_stays_below_its_bound_and_the_oldest_go(tmp_path: Path) -> None:
    path, most = tmp_path / "h.sqlite", 0
    history = History(path, MIB, pytest.fail)
    history.save_event(Event("down", 1.0, 3.0, "first outage"))
    for number in range(15_000):
        history.add_sample(sample(10.0 + number))
        if number % 10 == 0:
            history.add_probe(Probe(10.0 + number, "a question", "right", 0.1, 0.2, (0.01,) * 40, 1.0, "x" * 1000))
        if number % 500 == 0:
            most = max(most, on_disk(path))
    history.close()
    assert max(most, on_disk(path)) <= MIB
    first, last, count = rows(path, "SELECT min(at), max(at), count(*) FROM samples")[0]
    assert last == 15_009.0
    assert first > 1000  # type: ignore[operator]
    assert count > 1000  # type: ignore[operator]  # the bound is used, not feared
    assert rows(path, "SELECT detail FROM events") == [("first outage",)]
    assert history.errors == 0


def test_events_alone_are_bounded_too(tmp_path: Path) -> None:
    path = tmp_path / "h.sqlite"
    history = History(path, MIB, pytest.fail)
    for number in range(3000):
        history.save_event(Event("restart", float(number), float(number), "d" * 500))
    history.close()
    assert on_disk(path) <= MIB
    newest, count = rows(path, "SELECT max(started), count(*) FROM events")[0]
    assert newest == 2999.0
    assert 500 < count < 1000  # type: ignore[operator]


def test_rows_are_bounded(tmp_path: Path) -> None:
    path = tmp_path / "h.sqlite"
    history = History(path, 64 * MIB, pytest.fail, max_rows=1000)
    for number in range(3000):
        history.add_sample(sample(float(number)))
    history.close()
    assert rows(path, "SELECT max(at) FROM samples") == [(2999.0,)]
    assert rows(path, "SELECT count(*) FROM samples")[0][0] <= 1016  # type: ignore[operator]  # looked at every 16 rows


def test_a_lowered_bound_shrinks_the_file(tmp_path: Path) -> None:
    path = tmp_path / "h.sqlite"
    history = History(path, 8 * MIB, pytest.fail)
    for number in range(15_000):
        history.add_sample(sample(float(number)))
    history.close()
    assert on_disk(path) > MIB
    History(path, MIB, pytest.fail).close()
    assert on_disk(path) <= MIB
    assert rows(path, "SELECT max(at) FROM samples") == [(14_999.0,)]


def test_what_was_written_survives_sigkill(tmp_path: Path) -> None:
    path = tmp_path / "h.sqlite"
    script = (
        "import sys\nfrom pathlib import Path\nfrom llmdeploy.prober.history import History\n"
        "from llmdeploy.prober.records import Sample\n"
        "history, number = History(Path(sys.argv[1]), 2**20, print), 0\n"
        "while True:\n    history.add_sample(Sample(float(number), True))\n"
        "    print(number, flush=True)\n    number += 1\n"
    )
    writer = subprocess.Popen([sys.executable, "-c", script, str(path)], stdout=subprocess.PIPE, text=True)
    assert writer.stdout is not None
    for _ in range(500):
        writer.stdout.readline()
    writer.send_signal(signal.SIGKILL)
    told = int((["499", *writer.stdout.read().split()])[-1])
    writer.wait()
    writer.stdout.close()
    history = History(path, MIB, pytest.fail)  # nothing to mend, nothing to say
    assert history.last_seen() is not None
    assert history.last_seen()[0] >= told  # type: ignore[index]
    history.close()


def test_a_full_disk_is_said_once_and_writing_resumes(tmp_path: Path) -> None:
    """A limit on the file size stands for the full disk: the kernel refuses the write in the same place."""
    script = (
        "import resource, sys\nfrom pathlib import Path\nfrom llmdeploy.prober import history as module\n"
        "from llmdeploy.prober.records import Sample\nmodule.RETRY_SECONDS = 0.0\n"
        "said = []\nhistory = module.History(Path(sys.argv[1]), 2**20, said.append)\n"
        "def write(numbers):\n    for number in numbers:\n        history.add_sample(Sample(float(number), True))\n"
        "def limit(most):\n    resource.setrlimit(resource.RLIMIT_FSIZE, (most, resource.RLIM_INFINITY))\n"
        "write(range(10))\nlimit(60_000)\n"
        "write(range(10, 2000))\nassert len(said) >= 1 and history.errors > 100, (said, history.errors)\n"
        "first = list(said)\nlimit(resource.RLIM_INFINITY)\n"
        "write(range(2000, 2010))\nprint(*first, sep='\\n')\nprint('--')\nprint(*said[len(first):], sep='\\n')\n"
        "print(history.last_seen()[0])\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, str(tmp_path / "h.sqlite")],
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    during, after = done.stdout.split("--\n")
    assert "probing goes on" in during.splitlines()[0]
    assert "written again" in after
    assert after.splitlines()[-1] == "2009.0"


@pytest.mark.parametrize("damage", ["no database", "torn pages", "another schema"])
def test_a_damaged_file_is_set_aside(tmp_path: Path, damage: str) -> None:
    path = tmp_path / "h.sqlite"
    said: list[str] = []
    if damage == "no database":
        path.write_bytes(b"this is not SQLite" * 1000)
    else:
        history = History(path, MIB, pytest.fail)
        for number in range(500):
            history.add_sample(sample(float(number)))
        history.close()
    if damage == "torn pages":
        whole = path.read_bytes()
        path.write_bytes(whole[:4096] + b"\xa5" * (len(whole) - 4096))
    if damage == "another schema":
        rows(path, "PRAGMA user_version = 99")
    history = History(path, MIB, said.append)
    history.add_sample(sample(7.0))
    assert history.last_seen() == (7.0, Process(4242, 1_800_000_000.25))
    history.close()
    assert len(said) == 1
    assert "moved to h.sqlite.damaged and begun anew" in said[0]
    aside = (tmp_path / "h.sqlite.damaged").read_bytes()
    assert {"no database": b"not SQLite", "torn pages": b"\xa5" * 4096, "another schema": b"RUNNING"}[damage] in aside


def test_a_second_writer_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(history_module, "LOCK_SECONDS", 0.2)
    first = History(tmp_path / "h.sqlite", MIB, pytest.fail)
    with pytest.raises(StepError, match="another prober writes"):
        History(tmp_path / "h.sqlite", MIB, pytest.fail)
    first.close()
    History(tmp_path / "h.sqlite", MIB, pytest.fail).close()


def test_only_the_owner_reads_it(tmp_path: Path) -> None:
    history = History(tmp_path / "h.sqlite", MIB, pytest.fail)
    history.add_sample(sample(1.0))
    assert {oct(part.stat().st_mode & 0o777) for part in tmp_path.iterdir()} == {"0o600"}
    history.close()


def test_an_outage_is_carried_over_to_the_next_prober(tmp_path: Path) -> None:
    path, began = tmp_path / "h.sqlite", time.time() - 20
    history = History(path, MIB, pytest.fail)
    history.add_sample(sample(time.time(), up=False))
    history.save_event(Event("down", began, None, "connection refused"))
    history.close()
    history = History(path, MIB, pytest.fail)
    left = history.open_down()
    assert left is not None
    assert left.started == began
    history.save_event(Event("down", left.started, began + 5, left.detail))
    history.close()
    assert [event["ended"] for event in read_snapshot(path, began - 1).events] == [began + 5]
