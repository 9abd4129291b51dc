"""Watching on real hosts: every engine of a host, crashes and rolls told apart, settings that a cut-off run has left,
and two deployments that share hosts.

The tests are one story, in the order of the file. The second host says that it has two NUMA nodes, and so has two
engines.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.command import Result, llmdeploy
from tests.hosts.fleet import Fleet, fleet
from tests.web.served import asked, monitored

NODES = """
sudo mount -t tmpfs none /sys/devices/system/node
for node in 0 1; do
  sudo mkdir /sys/devices/system/node/node$node
  echo $node | sudo tee /sys/devices/system/node/node$node/cpulist
done
"""
ENGINES = [("edge1", 0), ("edge2", 0), ("edge2", 1)]


@pytest.fixture(scope="module")
def hosts() -> Iterator[Fleet]:
    """Two hosts with fresh disks; the second has two NUMA nodes."""
    if (os.cpu_count() or 1) < 2:
        pytest.skip("two NUMA nodes need two processors")
    with fleet(2) as found:
        found.run("edge2", NODES)
        yield found


class Deployment:
    """One deployment on the hosts, with a folder of its own."""

    def __init__(self, folder: Path, hosts: Fleet, name: str, port: int) -> None:
        self.folder, self.hosts, self.name, self.port = folder, hosts, name, port
        listed = [{"name": host.name, "address": host.address} for host in hosts.hosts]
        reach = {"user": "ops", "identity": str(hosts.key), "known_hosts": str(hosts.known_hosts)}
        (folder / "hosts.yaml").write_text(yaml.safe_dump({"ssh": reach, "hosts": listed}))

    def write(self, concurrency: int = 8, ttft: str = "2s") -> None:
        workload = {"concurrency": concurrency, "prompt_tokens": 64, "output_tokens": 64, "slo": {"ttft_p95": ttft}}
        spec = {
            "name": self.name, "target": "onprem", "hosts": {"inventory": "hosts.yaml"}, "access": {"port": self.port},
            "workload": workload, "test": {"load": {"duration": "1s"}}, "monitor": {"interval": "5s"},
        }  # fmt: skip
        (self.folder / "llmdeploy.yaml").write_text(yaml.safe_dump(spec))

    def run(self, *arguments: str) -> Result:
        return llmdeploy(*arguments, cwd=self.folder)

    def up(self) -> None:
        done = self.run("up", "-y")
        assert done.exit_code == 0, done.stderr[-3000:]

    def status(self) -> dict[str, Any]:
        found: dict[str, Any] = self.run("status", "--json").json
        return found

    def alerts(self) -> set[tuple[str, str]]:
        return {(one["name"], one["host"]) for one in self.status()["alerts"]}

    def prometheus(self, path: str) -> Any:
        unit = f"/etc/systemd/system/llmdeploy-{self.name}-prometheus.service"
        port = f"$(grep -o 'listen-address=[0-9.:]*' {unit} | cut -d: -f2)"
        return json.loads(self.hosts.run("edge1", f"curl -s '127.0.0.1:'{port}'/api/v1/{path}'").stdout)["data"]

    def value(self, query: str) -> dict[tuple[str, str], float]:
        found = self.prometheus(f"query?query={query}")["result"]
        return {
            (one["metric"].get("host", ""), one["metric"].get("replica", "")): float(one["value"][1]) for one in found
        }


@pytest.fixture(scope="module")
def demo(hosts: Fleet, tmp_path_factory: pytest.TempPathFactory) -> Deployment:
    found = Deployment(tmp_path_factory.mktemp("demo"), hosts, "demo", 443)
    found.write()
    found.up()
    return found


def within(seconds: float, happens: Callable[[], bool]) -> None:
    begun = time.monotonic()
    while not happens():
        assert time.monotonic() - begun < seconds, f"not within {seconds} s"
        time.sleep(1)


def test_every_engine_is_probed_and_shown(demo: Deployment) -> None:
    within(60, lambda: demo.value("llmdeploy_probe_accuracy==1").keys() == {(h, str(r)) for h, r in ENGINES})
    shown = [(name, one["replica"]) for name, host in demo.status()["hosts"].items() for one in host["engines"]]
    assert shown == ENGINES
    for verb in ("status", "monitor"):
        said = demo.run(verb)
        lines = [line for line in (said.stdout + said.stderr).splitlines() if line.startswith("engine  ")]
        assert [line.split()[1:3] for line in lines] == [[f"{name}/{r}:", "up,"] for name, r in ENGINES], verb
    with monitored(demo.folder) as port:
        engines = json.loads(asked(port, "/data.json")[2])["engines"]
    assert [(one["host"], one["replica"], one["state"]) for one in engines] == [(*one, "up") for one in ENGINES]
    probers = demo.hosts.run("edge2", "pgrep -fc 'python -I -m llmdeploy[.]prober'").stdout.strip()
    assert probers == "1", "one process for both engines"


def test_an_engine_that_stops_is_told_of_by_its_number(demo: Deployment) -> None:
    demo.hosts.run("edge2", "sudo systemctl stop llmdeploy-demo-engine-1")
    within(120, lambda: ("EngineDown", "edge2") in demo.alerts())
    down = [one for one in demo.status()["hosts"]["edge2"]["engines"] if one["state"] == "down"]
    assert [one["replica"] for one in down] == [1]
    demo.hosts.run("edge2", "sudo systemctl start llmdeploy-demo-engine-1")
    within(120, lambda: ("EngineDown", "edge2") not in demo.alerts())


def test_rolls_are_no_crashes_and_crashes_are(demo: Deployment) -> None:
    for concurrency in (10, 12, 14):
        demo.write(concurrency)
        demo.up()
    time.sleep(30)
    assert all(seen >= 3 for seen in demo.value("llmdeploy_probe_engine_restarts_total").values())
    assert demo.alerts() == set()
    for _ in range(3):
        demo.hosts.run("edge2", "sudo systemctl kill --signal KILL --kill-whom main llmdeploy-demo-engine-1")
        time.sleep(12)
    within(120, lambda: ("EngineRestarts", "edge2") in demo.alerts())
    assert [one["crashes"] for one in demo.status()["hosts"]["edge2"]["engines"]] == [0, 3]


def test_settings_that_a_run_wrote_before_it_was_killed_come_into_force(demo: Deployment) -> None:
    def on_disk() -> str:
        return demo.hosts.run("edge1", "sudo sha256sum /etc/llmdeploy/demo/metrics/limits.yml").stdout

    demo.write(14, "3s")
    before = on_disk()
    command = [sys.executable, "-m", "llmdeploy", "up", "-y"]
    run = subprocess.Popen(command, cwd=demo.folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                           start_new_session=True)  # fmt: skip
    within(300, lambda: on_disk() != before)
    os.killpg(run.pid, signal.SIGKILL)
    run.wait()
    demo.up()
    assert set(demo.value("llmdeploy:limit_ttft_p95_seconds").values()) <= {2.0, 3.0}
    within(60, lambda: set(demo.value("llmdeploy:limit_ttft_p95_seconds").values()) == {3.0})


def test_a_second_deployment_does_not_cut_the_first_off(demo: Deployment, tmp_path: Path) -> None:
    second = Deployment(tmp_path, demo.hosts, "second", 8443)
    second.write(4)
    second.up()
    within(30, lambda: set(demo.value("llmdeploy:gateway_replicas").values()) == {3.0})
    for one in (demo, second):
        assert all(value == 1 for value in one.value("up").values()), one.name
        answer = one.run("chat", "What is the capital of France?")
        assert "Paris" in answer.stdout, answer.stderr
        assert one.run("drift").exit_code == 0
    assert second.run("down").exit_code == 0
    assert set(demo.value("llmdeploy:gateway_replicas").values()) == {3.0}
    assert demo.run("drift").exit_code == 0
