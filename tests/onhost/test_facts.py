"""The script that hosts answer with, on this machine."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from llmdeploy.fleet.facts import described, facts_of
from llmdeploy.onhost import facts
from tests.fleet.documents import SERVER

SCRIPT = Path(facts.__file__)


@pytest.fixture(scope="module")
def said() -> dict[str, Any]:
    """As it is sent through SSH: on standard input, without our package."""
    command = [sys.executable, "-I", "-S", "-", "demo", "2222"]
    done = subprocess.run(command, input=SCRIPT.read_bytes(), capture_output=True, check=True)
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def test_it_says_all_that_is_read(said: dict[str, Any]) -> None:
    assert set(said) == set(SERVER)
    found = facts_of(said, time.time(), time.time())
    assert found.ssh_port == 2222
    assert found.machine.cores >= 1
    assert 0 < found.machine.memory_available <= found.machine.memory_total
    assert found.machine.disk_free > 0
    assert found.python == sys.version_info[:2]
    assert abs(found.skew) < 60
    assert "cores" in described(found)


def test_it_says_who_listens(said: dict[str, Any]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        assert port in {number for number, _ in facts.listeners()}
    assert all(isinstance(port, int) for port, _ in said["listeners"])


def test_the_memory_of_a_deployments_own_engines_alone_is_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    units = ("web-engine-0", "web-engine-1", "web-two-engine-0", "web-gateway", "other-engine-0")
    files = {
        f"/proc/{number}/cgroup": f"0::/system.slice/llmdeploy-{unit}.service\n" for number, unit in enumerate(units)
    }
    files |= {f"/proc/{number}/statm": "9000 1100 100 1 0 1 0\n" for number in range(len(units))}
    files["/proc/0/cgroup"] = "0::/system.slice/llmdeploy-web-engine-0.service/libpod-payload-abc\n"
    monkeypatch.setattr(facts, "text", lambda path: files.get(path, ""))
    monkeypatch.setattr(facts.os, "listdir", lambda path: [*map(str, range(len(units))), "self"])
    page = facts.os.sysconf("SC_PAGE_SIZE")
    assert facts.own_engines("web") == 2 * 1000 * page
    assert facts.own_engines("web-two") == 1000 * page
    assert facts.own_engines("nobody") == 0


@pytest.mark.parametrize(
    ("code", "said", "expected"),
    [
        (127, "", {"gpus": [], "gpu_error": ""}),
        (9, "NVIDIA-SMI has failed\nmore", {"gpus": [], "gpu_error": "NVIDIA-SMI has failed"}),
        (124, "no answer within 20 s", {"gpus": [], "gpu_error": "no answer within 20 s"}),
    ],
)
def test_a_driver_that_does_not_answer_is_told(
    monkeypatch: pytest.MonkeyPatch, code: int, said: str, expected: dict[str, Any]
) -> None:
    monkeypatch.setattr(facts, "ran", lambda *_: (code, said))
    assert facts.gpus("demo") == expected


def test_gpus_are_read_with_what_is_free(monkeypatch: pytest.MonkeyPatch) -> None:
    lines = "0, NVIDIA L40S, 46068, 45559, 580.65.06, GPU-1\n1, NVIDIA L40S, 46068, 12, 580.65.06, GPU-2"
    monkeypatch.setattr(facts, "ran", lambda *_: (0, lines))
    found = facts.gpus("demo")["gpus"]
    assert [(one["index"], one["memory_free"]) for one in found] == [(0, 45559 * 2**20), (1, 12 * 2**20)]


def test_what_our_own_engines_hold_of_a_gpu_is_told_and_what_others_hold_is_not(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """In the form of `nvidia-smi --query-compute-apps`; no GPU was at hand to see it."""
    answers = {"gpu": "0, NVIDIA L40S, 46068, 4300, 580.65.06, GPU-1\n1, NVIDIA L40S, 46068, 4300, 580.65.06, GPU-2"}
    answers["apps"] = "GPU-1, 7, 41000\nGPU-1, 8, 100\nGPU-2, 9, 41000\nGPU-2, 10, [N/A]"
    monkeypatch.setattr(facts, "ran", lambda _, query, *__: (0, answers["apps" if "apps" in query else "gpu"]))
    ours = {f"/proc/{pid}/cgroup": "0::/system.slice/llmdeploy-demo-engine-0.service\n" for pid in (7, 8, 10)}
    monkeypatch.setattr(facts, "text", lambda path: ours.get(path, "0::/system.slice/other.service\n"))
    assert [one["own"] for one in facts.gpus("demo")["gpus"]] == [41100 * 2**20, 0]


@pytest.mark.parametrize("answer", ["[N/A]", "[Not Supported]", "[GPU requires reset]"])
def test_a_gpu_without_figures_is_an_error_of_the_driver(monkeypatch: pytest.MonkeyPatch, answer: str) -> None:
    line = f"0, NVIDIA GB10, {answer}, {answer}, 580.65.06, GPU-1"
    monkeypatch.setattr(facts, "ran", lambda *_: (0, line))
    found = facts.gpus("demo")
    assert found["gpus"] == []
    assert answer in found["gpu_error"]
