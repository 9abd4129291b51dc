"""The prober as its own process beside a real engine."""

from __future__ import annotations

import asyncio
import math
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from llmdeploy.adapters.openai_client import ChatRequest, OpenAIClient
from llmdeploy.errors import ExitCode
from llmdeploy.prober.history import History
from llmdeploy.prober.records import Sample
from llmdeploy.prober.sampler import endpoint_of
from tests.prober.watched import KEY, Watched, wait_for


@pytest.fixture
def watched(tmp_path: Path) -> Iterator[Watched]:
    one = Watched(tmp_path)
    yield one
    one.stop()


def test_probes_are_judged_and_counted(watched: Watched) -> None:
    watched.start_engine()
    watched.start_prober(min_accuracy=0.9)
    wait_for(lambda: watched.snapshot().accuracy is not None)
    snapshot, metrics = watched.snapshot(), watched.metrics()
    assert snapshot.state == "up"
    assert snapshot.accuracy == pytest.approx(2 / 3)
    assert not snapshot.healthy  # below its minimum
    assert {probe["name"]: probe["outcome"] for probe in snapshot.probes} == {
        "right": "right", "also right": "right", "cannot be": "wrong",
    }  # fmt: skip
    assert 0 < snapshot.ttft_s["p50"] <= snapshot.ttft_s["p95"] < 5  # type: ignore[operator]
    # Tokens that come in one read have no time between them, so on a busy machine half of them may.
    assert 0 < snapshot.itl_s["p95"] < 1  # type: ignore[operator]
    assert metrics["llmdeploy_probe_up"] == 1
    assert metrics["llmdeploy_probe_accuracy"] == pytest.approx(2 / 3)
    assert metrics["llmdeploy_probe_correct_total"] == 2 * metrics["llmdeploy_probe_wrong_total"] > 0
    answered = sum(value for name, value in metrics.items() if name.startswith("llmdeploy_probe_requests_total"))
    assert metrics["llmdeploy_probe_ttft_seconds_count"] == answered
    assert metrics["llmdeploy_probe_itl_seconds_count"] > 0
    assert KEY not in watched.log + (watched.folder / "prober.json").read_text()


def test_an_outage_stays_visible(watched: Watched) -> None:
    engine = watched.start_engine()
    watched.start_prober()
    engine.kill()
    engine.wait()
    killed = time.time()
    wait_for(lambda: watched.snapshot().state == "down")
    assert "connection refused" in watched.snapshot().headline
    assert watched.metrics()["llmdeploy_probe_up"] == 0
    time.sleep(max(0.0, killed + 1.5 - time.time()))
    watched.start_engine()
    wait_for(lambda: watched.snapshot().state == "up")
    gone = time.time() - killed
    down = next(event for event in watched.snapshot().events if event["kind"] == "down")
    assert gone - 1.0 < down["ended"] - down["started"] < gone + 0.3
    assert 1.0 < watched.metrics()["llmdeploy_probe_down_seconds_total"] < gone + 0.3
    assert 0 in watched.snapshot(86400).series["samples"]["up"]  # in a whole day, too


def test_a_restart_under_the_supervisor_is_an_event(watched: Watched) -> None:
    supervisor = watched.supervise_engine()
    try:
        watched.start_prober()
        before = wait_for(lambda: supervisor.process("engine"))
        wait_for(lambda: watched.snapshot().now["rss"])
        os.kill(before.pid, signal.SIGKILL)
        wait_for(lambda: watched.snapshot().restarts == 1)
        wait_for(lambda: watched.snapshot().state == "up")
        now = watched.snapshot().now
        assert now["state"] in ("RUNNING", "STARTING")
        assert now["pid"] == supervisor.process("engine").pid != before.pid  # type: ignore[union-attr]
        assert watched.metrics()["llmdeploy_probe_engine_restarts_total"] == 1
        assert watched.metrics()["llmdeploy_probe_engine_resident_memory_bytes"] > 1e6
    finally:
        supervisor.stop()


async def test_load_shows_in_rates_queue_and_cache(watched: Watched) -> None:
    watched.start_engine()
    watched.start_prober()
    client = OpenAIClient(endpoint_of(watched.config))
    busy = ChatRequest.ask("Tell me all.", max_tokens=480, temperature=1.0, extra={"ignore_eos": True})
    deadline = time.monotonic() + 15
    seen = {"generated_per_s": 0.0, "running": 0.0, "waiting": 0.0, "kv_usage": 0.0}
    while min(seen.values()) <= 0:
        assert time.monotonic() < deadline, seen
        requests = [asyncio.create_task(client.stream(busy, deadline_s=20)) for _ in range(8)]
        await asyncio.gather(*requests)
        series = watched.snapshot().series["samples"]
        seen = {name: max((value or 0 for value in series[name]), default=0) for name in seen}
    assert seen["running"] <= 4
    assert 0.0 < seen["kv_usage"] <= 1.0


def test_a_prober_that_was_away_says_so(watched: Watched) -> None:
    watched.start_engine()
    last = time.time() - 60
    history = History(Path(watched.config.history), 2**20, pytest.fail)
    history.add_sample(Sample(last, True))
    history.close()
    assert watched.snapshot(120).state == "silent"
    watched.start_prober()
    events = watched.snapshot(120).events
    assert [(event["kind"], event["started"]) for event in events] == [("unwatched", last)]
    assert watched.snapshot().state == "up"


def test_sigterm_ends_it_cleanly_and_the_port_is_kept(watched: Watched) -> None:
    first = watched.start_prober()  # no engine: it begins all the same
    assert watched.snapshot().state == "down"
    port = Path(watched.config.port_file).read_text()
    first.terminate()
    assert first.wait(5) == 0
    (watched.folder / "kept").write_text(port)
    watched.start_prober(port_file=str(watched.folder / "kept"), port=int(port))
    assert (watched.folder / "kept").read_text() == port
    assert "Traceback" not in watched.log


def test_it_dies_with_its_parent(watched: Watched) -> None:
    watched.config.write(watched.folder / "prober.json")
    script = (
        "import subprocess, sys, time\n"
        "argv = [sys.executable, '-I', '-m', 'llmdeploy.prober', '--config', sys.argv[1]]\n"
        "print(subprocess.Popen(argv).pid, flush=True)\ntime.sleep(60)\n"
    )
    argv = [sys.executable, "-c", script, str(watched.folder / "prober.json")]
    parent = subprocess.Popen(argv, stdout=subprocess.PIPE)
    watched.processes.append(parent)
    assert parent.stdout is not None
    pid = int(parent.stdout.readline())
    wait_for(lambda: Path(watched.config.port_file).exists())
    parent.kill()
    parent.wait()
    parent.stdout.close()

    def ended() -> bool:
        try:
            return "Z" in Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
        except FileNotFoundError:
            return True

    wait_for(ended)


def test_a_broken_golden_file_is_a_failed_probe_and_health_is_watched_on(watched: Watched) -> None:
    watched.start_engine()
    (watched.folder / "golden.yaml").write_text("cases: []")
    watched.start_prober()
    probe = wait_for(lambda: watched.snapshot().probes)[0]
    assert (probe["name"], probe["outcome"]) == ("golden file", "failed")
    assert "there is no case" in probe["detail"]
    assert watched.snapshot().state == "up"


def test_without_a_golden_file_nothing_is_judged(watched: Watched) -> None:
    watched.start_engine()
    watched.start_prober(golden="")
    wait_for(lambda: watched.snapshot().outcomes["unjudged"])
    assert watched.snapshot().accuracy is None
    assert math.isnan(watched.metrics()["llmdeploy_probe_accuracy"])


@pytest.mark.parametrize(
    ("change", "told"),
    [({"history_bytes": 1000}, "history_bytes"), ({"url": "ftp://x"}, "url"), ({"sample_s": 0.0}, "above 0")],
)
def test_a_wrong_config_is_one_line_and_a_hint(watched: Watched, change: dict[str, object], told: str) -> None:
    with pytest.raises(AssertionError, match=told):
        watched.start_prober(**change)
    assert watched.processes[0].returncode == ExitCode.STEP
    assert watched.log.startswith("error: ")
    assert "hint: " in watched.log
    assert "Traceback" not in watched.log


def test_one_process_watches_several_engines_each_by_itself(watched: Watched, tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    other = Watched(tmp_path / "other")
    try:
        watched.start_engine()
        other.config = replace(other.config, name="engine-1")
        other.config.write(other.folder / "prober.json")
        watched.start_prober(more=(other.folder / "prober.json",), name="engine-0")
        wait_for(lambda: watched.snapshot().accuracy is not None)
        assert (watched.snapshot().state, other.snapshot().state) == ("up", "down")
        assert (watched.metrics()["llmdeploy_probe_up"], other.metrics()["llmdeploy_probe_up"]) == (1, 0)
        other.start_engine()
        wait_for(lambda: other.snapshot().accuracy is not None)
        assert other.metrics()["llmdeploy_probe_up"] == 1
        assert "engine-1: engine down: connection refused" in watched.log
        assert "engine-0: watching" in watched.log
    finally:
        other.stop()


def test_one_engine_that_cannot_be_watched_ends_all_with_its_reason(watched: Watched, tmp_path: Path) -> None:
    other = replace(watched.config, key_file=str(tmp_path / "no key"), history=str(tmp_path / "b"), port_file="")
    other.write(tmp_path / "other.json")
    with pytest.raises(AssertionError, match="no key"):
        watched.start_prober(more=(tmp_path / "other.json",))
    assert watched.processes[0].returncode == ExitCode.STEP
    assert "Traceback" not in watched.log
