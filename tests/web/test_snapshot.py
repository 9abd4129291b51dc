"""What the views are given, from histories written for the purpose."""

from __future__ import annotations

import io
import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from rich.console import Console

from llmdeploy.errors import StepError
from llmdeploy.monitoring.snapshot import read_snapshot
from llmdeploy.monitoring.table import render_plain, render_rich
from llmdeploy.monitoring.wording import duration, share, size
from llmdeploy.prober.history import History
from llmdeploy.prober.records import Event, Outcome, Probe, Process, Sample


@contextmanager
def written(path: Path) -> Iterator[History]:
    history = History(path, 8 * 2**20, pytest.fail)
    history.set_watch(1.0, 30.0, 0.9)
    yield history
    history.close()


def sample(at: float, up: bool = True, pid: int = 7) -> Sample:
    return Sample(at, up, 0.001, 1.0, 2.0, 100.0, 20.0, 0.25, 2**20, Process(pid, at - 100) if pid else None, "RUNNING")


def test_no_history_is_empty_and_makes_no_file(tmp_path: Path) -> None:
    snapshot = read_snapshot(tmp_path / "h.sqlite", time.time() - 60)
    assert (snapshot.state, snapshot.healthy) == ("empty", False)
    assert "No history yet" in render_plain(snapshot)
    assert list(tmp_path.iterdir()) == []


def test_a_short_outage_is_visible_in_a_day_long_window(tmp_path: Path) -> None:
    path, now = tmp_path / "h.sqlite", time.time()
    with written(path) as history:
        for second in range(6000):
            history.add_sample(sample(now - 6000 + second, up=second not in (3000, 3001)))
        history.save_event(Event("down", now - 3000, now - 2998, "connection refused"))
        history.save_event(Event("restart", now - 2999, now - 2998, "process 6 became 7"))
        history.add_sample(sample(now))
    snapshot = read_snapshot(path, now - 86400)
    columns = snapshot.series["samples"]
    assert snapshot.state == "up"
    assert snapshot.since == pytest.approx(now - 100)  # its process began later than the outage ended
    assert snapshot.restarts == 1
    assert snapshot.down_s == pytest.approx(2.0)
    assert columns["up"].count(0) == 1
    assert {len(column) for column in columns.values()} == {len(columns["at"])}
    assert len(columns["at"]) <= 302
    assert "down for 2.0 s (connection refused)" in render_plain(snapshot)


def test_a_pause_of_the_prober_is_a_hole_in_the_series(tmp_path: Path) -> None:
    path, now = tmp_path / "h.sqlite", time.time()
    with written(path) as history:
        for age in (50, 49, 48, 10, 9, 0):
            history.add_sample(sample(now - age))
    assert read_snapshot(path, now - 60).series["samples"]["generated_per_s"] == [
        100,
        100,
        100,
        None,
        100,
        100,
        None,
        100,
    ]


def test_down_now(tmp_path: Path) -> None:
    path, now = tmp_path / "h.sqlite", time.time()
    with written(path) as history:
        history.add_sample(sample(now - 5))
        history.add_sample(Sample(now, False, state="BACKOFF"))
        history.save_event(Event("down", now - 4, None, "connection refused, process BACKOFF"))
    snapshot = read_snapshot(path, now - 60)
    assert (snapshot.state, snapshot.healthy, snapshot.since) == ("down", False, now - 4)
    assert snapshot.down_s == pytest.approx(4.0, abs=0.5)
    told = render_plain(snapshot)
    assert "DOWN" in told
    assert "connection refused, process BACKOFF" in told
    assert "still" in told


def test_a_silent_prober_is_not_taken_for_a_healthy_engine(tmp_path: Path) -> None:
    path, now = tmp_path / "h.sqlite", time.time()
    with written(path) as history:
        history.add_sample(sample(now - 30))
    snapshot = read_snapshot(path, now - 60)
    assert (snapshot.state, snapshot.healthy) == ("silent", False)
    assert snapshot.silent_s == pytest.approx(30, abs=1)
    assert "silent for 30" in render_plain(snapshot)
    assert "SILENT" in render_plain(snapshot)


def test_percentiles_and_accuracy_are_of_the_window(tmp_path: Path) -> None:
    path, now = tmp_path / "h.sqlite", time.time()
    with written(path) as history:
        history.add_sample(sample(now))
        history.add_probe(Probe(now - 500, "old", "right", 99.0, 99.0, (99.0,), 1.0))
        for number in range(1, 102):
            outcome: Outcome = "wrong" if number % 4 == 0 else "right"
            history.add_probe(Probe(now - 101 + number, f"q{number}", outcome, number / 100, 2.0, (0.01, 0.03), 0.75))
        history.add_probe(Probe(time.time(), "q", "failed", detail="refused", accuracy=0.75))
    snapshot = read_snapshot(path, now - 200)
    assert snapshot.ttft_s == {"p50": pytest.approx(0.51), "p95": pytest.approx(0.96)}
    assert snapshot.itl_s["p50"] == pytest.approx(0.02)
    assert snapshot.outcomes == {"right": 76, "wrong": 25, "unjudged": 0, "failed": 1}
    assert (snapshot.accuracy, snapshot.accurate, snapshot.healthy) == (0.75, False, False)
    assert "75 % of the last full pass, BELOW the minimum of 90 %" in render_plain(snapshot)
    assert [probe["name"] for probe in snapshot.probes[:3]] == ["q", "q101", "q100"]


def test_many_probes_are_few_points(tmp_path: Path) -> None:
    path, now = tmp_path / "h.sqlite", time.time()
    with written(path) as history:
        history.add_sample(sample(now))
        for number in range(1000):
            history.add_probe(Probe(now - 1000 + number, "q", "wrong" if number == 500 else "right", 0.1, 0.2, (0.01,)))
    columns = read_snapshot(path, now - 2000).series["probes"]
    assert len(columns["at"]) == 250
    assert [share for share in columns["right"] if share < 1] == [0.75]


def test_a_damaged_history_is_an_error_with_a_hint(tmp_path: Path) -> None:
    (tmp_path / "h.sqlite").write_bytes(b"no database" * 1000)
    with pytest.raises(StepError, match="cannot read the history") as caught:
        read_snapshot(tmp_path / "h.sqlite", 0.0)
    assert caught.value.hint


def test_every_view_says_the_same_and_takes_text_as_text(tmp_path: Path) -> None:
    path, now = tmp_path / "h.sqlite", time.time()
    with written(path) as history:
        history.add_sample(sample(now))
        history.add_probe(Probe(now, "a [bold]case[/]", "failed", detail="http 500: [red]no[/red]"))
    snapshot = read_snapshot(path, now - 60)
    screen = io.StringIO()
    Console(file=screen, width=200, force_terminal=True, no_color=True).print(render_rich(snapshot))
    for told in (render_plain(snapshot), screen.getvalue()):
        for part in ("UP", "100 per s", "1 running, 2 waiting", "25 %", "1.0 MiB", "a [bold]case[/]", "[red]no[/red]"):
            assert part in told
    assert json.loads(json.dumps(snapshot.as_json()))["healthy"] is True


@pytest.mark.parametrize(
    ("seconds", "told"),
    [
        (0.0004, "0.4 ms"),
        (0.412, "412 ms"),
        (0.9996, "1.0 s"),
        (59.96, "1 min 0 s"),
        (7325, "2 h 2 min"),
        (1e6, "11 d 13 h"),
    ],
)
def test_durations_are_said_shortly(seconds: float, told: str) -> None:
    assert duration(seconds) == told


def test_shares_and_sizes_are_not_flattered() -> None:
    assert (share(0.9999), share(1.0), share(0.5), share(0.625)) == ("99.9 %", "100 %", "50 %", "62.5 %")
    assert (size(512), size(31.2 * 2**20), size(3 * 2**30)) == ("512 B", "31.2 MiB", "3.00 GiB")


def test_the_accuracy_of_a_former_prober_is_not_this_ones(tmp_path: Path) -> None:
    path, now = tmp_path / "h.sqlite", time.time()
    with written(path) as history:
        history.add_probe(Probe(now - 5, "of another model", "wrong", 0.1, 0.1, (), 0.1))
        history.set_watch(1.0, 30.0, 0.9)
        history.add_sample(sample(time.time()))
    snapshot = read_snapshot(path, now - 60)
    assert (snapshot.accuracy, snapshot.healthy) == (None, True)
