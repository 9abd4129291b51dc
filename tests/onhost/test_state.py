"""What a host says of its engines: the newest look of the prober beside them, out of its history."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from llmdeploy.monitoring.engines import engine_lines
from llmdeploy.onhost import state
from llmdeploy.prober.history import History
from llmdeploy.prober.records import Probe, Sample

NOW = 1_800_000_000.0


@pytest.fixture
def host(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in ("UNITS", "STATE"):
        monkeypatch.setattr(state, name, str(tmp_path / name))
        (tmp_path / name).mkdir()
    return tmp_path


def unit(host: Path, name: str) -> None:
    (host / "UNITS" / name).touch()


def watched(host: Path, replica: int, up: bool, at: float = NOW - 1) -> None:
    folder = host / "STATE" / "demo" / "prober" / f"engine-{replica}"
    folder.mkdir(parents=True)
    history = History(folder / "history.sqlite", 2**20, pytest.fail)
    history.add_sample(Sample(at - 1, True, 0.01))
    history.add_sample(Sample(at, up, 0.01, running=2, waiting=1, generated_per_s=41.2, rss=50 * 2**20))
    for number, outcome in enumerate(("right", "right", "failed")):
        ttft = None if outcome == "failed" else 0.1 * (number + 1)
        history.add_probe(Probe(at - 3 + number, "q", outcome, ttft_s=ttft, accuracy=0.75))  # type: ignore[arg-type]
    history.close()


def said(host: Path) -> list[dict[str, Any]]:
    return state.engines("demo", NOW)


def test_every_engine_of_the_deployment_and_no_other(host: Path) -> None:
    for name in ("demo-engine-10", "demo-engine-2", "demo-two-engine-0", "demo-gateway", "other-engine-1"):
        unit(host, f"llmdeploy-{name}.service")
    watched(host, 2, up=True)
    watched(host, 10, up=False)
    watched(host, 3, up=True)  # of an engine that is gone
    assert [(one["replica"], one["state"]) for one in said(host)] == [(2, "up"), (10, "down")]
    first = said(host)[0]
    assert (first["running"], first["waiting"], first["accuracy"], first["failed"]) == (2, 1, 0.75, 1)
    assert first["ttft_s"] == pytest.approx(0.2)


def test_an_engine_whose_prober_is_away_is_not_watched(host: Path) -> None:
    unit(host, "llmdeploy-demo-engine-0.service")
    unit(host, "llmdeploy-demo-engine-1.service")
    watched(host, 1, up=True, at=NOW - 60)
    assert [one["state"] for one in said(host)] == ["unwatched", "unwatched"]


def test_a_person_reads_one_line_for_each(host: Path) -> None:
    for replica in (0, 1):
        unit(host, f"llmdeploy-demo-engine-{replica}.service")
    watched(host, 0, up=True)
    first, second = ({**one, "crashes": crashes} for one, crashes in zip(said(host), (3, 0), strict=True))
    off = {"replica": 0, "state": "unreachable"}
    assert engine_lines(
        {name: {"engines": [one]} for name, one in (("gpu1", first), ("gpu2", second), ("gpu3", off))}
    ) == [
        "engine  gpu1/0: up, 2 running, 1 waiting, 41 tokens/s, TTFT 200 ms, right 75 %, 50.0 MiB, 1 failed probe, "
        "crashes: 3",
        "engine  gpu2/1: not watched: its prober does not run",
        "engine  gpu3/0: not known: its host does not answer",
    ]
