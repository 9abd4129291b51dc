"""From three bare machines to a safe, watched service, through everything that may happen to it, and away again.

The tests are one story, in the order of the file: each goes on with the deployment that the one before it left.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest
import yaml

from llmdeploy.adapters.http import healthy
from tests.engine_fixture import MODEL_FILE
from tests.hosts.fleet import Fleet
from tests.hosts.picture import differences, picture
from tests.hosts.service import PORT, Service, in_rotation, sections, within
from tests.hosts.traffic import traffic

ROTATION_SECONDS = 10.0
LONGEST_WAIT = 15.0  # seconds of a request that was with a host when it died: it is noticed, and asked elsewhere


@pytest.fixture(scope="module")
def service(three_hosts: Fleet, tmp_path_factory: pytest.TempPathFactory) -> Service:
    before = {name: picture(three_hosts, name) for name in three_hosts.names}
    made = Service(tmp_path_factory.mktemp("onprem"), three_hosts, before)
    made.write()
    return made


def reachable(address: str, port: int, seconds: float = 1.0) -> bool:
    try:
        with socket.create_connection((address, port), timeout=seconds):
            return True
    except OSError:
        return False


def boot(service: Service, name: str) -> str:
    """What a host calls this start of its own; empty while it does not answer."""
    return service.hosts.run(name, "cat /proc/sys/kernel/random/boot_id", check=False).stdout.strip()


def told_down(service: Service, name: str) -> bool:
    """Whether the alert that the host is down fires."""
    return any((one["name"], one["host"]) == ("HostDown", name) for one in service.status()["alerts"])


def test_one_command_makes_a_service_of_three_bare_hosts(service: Service) -> None:
    report = service.up()
    assert [one["step"] for one in report["reports"]] == ["prepare", "setup", "deploy", "test", "monitor"]
    assert all(gate["passed"] for gate in sections(report, "test")["data"]["gates"])
    answer = service.llmdeploy("chat", "What is the capital of France?")
    assert "Paris" in answer.stdout, answer.stderr


def test_no_key_no_answer(service: Service) -> None:
    command = ["curl", "--silent", "--cacert", str(service.state / "tls/ca.pem"), "--write-out", "%{http_code}"]
    url = f"{service.endpoint.url}/v1/models"
    refused = subprocess.run([*command, "--output", "/dev/null", url], capture_output=True, text=True)
    assert refused.stdout == "401"
    header = f"@{service.state / 'key.header'}"
    known = subprocess.run([*command, "--output", "/dev/null", "-H", header, url], capture_output=True, text=True)
    assert known.stdout == "200"


def test_only_ssh_and_the_gateway_can_be_reached(service: Service) -> None:
    for index, host in enumerate(service.hosts.hosts):
        said = service.hosts.run(host.name, "ss -Hltn | awk '{print $4}'").stdout
        listening = sorted({int(line.rpartition(":")[2]) for line in said.split()})
        assert len(listening) > 5, "engine, inner port, store, exporters and probers listen"
        open_ports = [port for port in listening if reachable(host.address, port)]
        assert open_ports == ([22, PORT] if index == 0 else [22]), host.name


def assert_nothing_changes(service: Service) -> None:
    report = service.up()
    for step in ("setup", "deploy", "monitor"):
        counts = sections(report, step)["data"]["hosts"]
        assert {name: one["changed"] for name, one in counts.items()} == dict.fromkeys(service.hosts.names, 0), step


def test_a_second_run_changes_nothing(service: Service) -> None:
    assert_nothing_changes(service)


def test_the_model_is_sent_once_and_verified_on_every_host(service: Service) -> None:
    outputs = json.loads((service.state / "outputs.json").read_text())
    (names,) = outputs["weights"].values()
    for name, sha256 in names.items():
        for host in service.hosts.names:
            said = service.hosts.run(host, f"sudo sh -c 'sha256sum /var/lib/llmdeploy/store/*/{name}'").stdout
            assert said.startswith(sha256), host
    journal = [json.loads(line) for line in (service.state / "journal.jsonl").read_text().splitlines()]
    sent = sum(e["data"].get("sent_bytes", 0) for e in journal if e["event"] == "step-ended" and e["step"] == "deploy")
    size = sum(file["bytes"] for file in outputs["model_artifact"]["files"])
    assert sent == size, "sent once, for three hosts"


def test_no_secret_is_where_others_can_read_it(service: Service) -> None:
    secrets = [(service.state / name).read_text().strip() for name in ("key", "engine.key", "prober.key")]
    for secret in secrets:
        found = subprocess.run(["grep", "-rlF", secret, str(service.state)], capture_output=True, text=True).stdout
        files = {Path(line).name for line in found.splitlines()}
        assert files <= {"key", "key.header", "engine.key", "prober.key"}, files
        look = (
            "cat > /tmp/secret; sudo journalctl --no-pager -o cat | grep -cF -f /tmp/secret; "
            "ps -eo args | grep -cF -f /tmp/secret; "
            "sudo find / -xdev -type f -perm -o=r -not -path '/tmp/secret' -not -path '/proc/*' -not -path '/usr/*' "
            "-size -2000k -exec grep -lF -f /tmp/secret {} +; rm /tmp/secret"
        )
        for host in service.hosts.names:
            said = service.hosts.run(host, look, check=False, given=secret + "\n", timeout=120).stdout.split()
            assert said == ["0", "0"], f"{host}: {said}"


def test_an_engine_that_is_killed_costs_no_waiting_request(service: Service) -> None:
    victim = service.hosts.names[1]
    with traffic(service.endpoint) as seen:
        service.hosts.run(victim, "sudo systemctl kill --signal KILL --kill-whom main llmdeploy-demo-engine-0")
        within(ROTATION_SECONDS, lambda: in_rotation(service, victim))
        time.sleep(1)
    assert seen.unserved == []
    assert seen.served > 50


def test_a_host_that_crashes_costs_no_waiting_request_and_is_told_of(service: Service) -> None:
    victim = service.hosts.names[2]
    with traffic(service.endpoint) as seen:
        service.hosts.crash(victim)
        within(ROTATION_SECONDS, lambda: not in_rotation(service, victim))
        within(120, lambda: told_down(service, victim))
        service.hosts.start(victim)
        assert within(60, lambda: in_rotation(service, victim)) < ROTATION_SECONDS
    assert seen.unserved == []
    assert seen.slowest < LONGEST_WAIT
    within(120, lambda: not told_down(service, victim))


def test_a_cable_that_is_pulled_costs_no_waiting_request(service: Service) -> None:
    victim = service.hosts.names[1]
    with traffic(service.endpoint) as seen:
        service.hosts.unplug(victim)
        time.sleep(12)
        service.hosts.plug(victim)
        assert within(60, lambda: in_rotation(service, victim)) < ROTATION_SECONDS
    assert seen.unserved == []


def test_another_model_rolls_without_a_failed_request(service: Service) -> None:
    shutil.copy(MODEL_FILE, service.folder / "other.gguf")
    service.write(
        model="./other.gguf",
        access={"port": PORT, "served_name": "demo"},
        workload={"concurrency": 12, "prompt_tokens": 64, "output_tokens": 64},
    )
    with traffic(service.endpoint) as seen:
        report = service.up()
    assert sections(report, "deploy")["changed"]
    assert (seen.unserved, seen.cut) == ([], 0)
    assert_nothing_changes(service)


def gateway_settings(service: Service) -> list[str]:
    """Sums of what setup wrote for each gateway, inner ones with the public one."""
    look = "sudo sha256sum /etc/llmdeploy/demo/haproxy.cfg"
    return [service.hosts.run(name, look).stdout for name in service.hosts.names]


def test_an_update_that_fails_its_test_is_taken_back(service: Service) -> None:
    settings = gateway_settings(service)
    good = json.loads((service.state / "deployed.json").read_text())["digest"]
    wrong = {"cases": [{"name": "moon", "prompt": "What is the capital of France?", "expect": {"equals": "Moon."}}]}
    (service.folder / "wrong.yaml").write_text(yaml.safe_dump(wrong))
    service.write(
        workload={"concurrency": 6, "prompt_tokens": 64, "output_tokens": 64},
        test={"golden": "wrong.yaml"},
        hosts={"inventory": "hosts.yaml", "rate": 100000},
    )
    with traffic(service.endpoint) as seen:
        refused = service.llmdeploy("up", "-y")
    assert refused.exit_code == 5, refused.stderr
    assert f"plan {good} runs again on every host" in refused.stderr
    assert "moon" in refused.stderr
    assert (seen.unserved, seen.cut) == ([], 0)
    assert json.loads((service.state / "deployed.json").read_text())["digest"] == good
    assert gateway_settings(service) == settings
    assert all(in_rotation(service, name) for name in service.hosts.names)


def test_rollback_brings_an_earlier_plan(service: Service) -> None:
    second = json.loads((service.state / "deployed.json").read_text())["digest"]
    done = service.llmdeploy("rollback")
    assert done.exit_code == 0, done.stderr
    assert json.loads((service.state / "deployed.json").read_text())["digest"] != second
    assert healthy(service.endpoint)


def test_drift_is_shown_and_mended(service: Service) -> None:
    host = service.hosts.names[1]
    service.hosts.run(host, "echo '# by hand' | sudo tee -a /etc/llmdeploy/demo/haproxy.cfg")
    service.hosts.run(host, "sudo systemctl disable --now llmdeploy-demo-node-exporter")
    shown = service.llmdeploy("drift")
    assert shown.exit_code == 6, shown.stderr
    assert "by hand" in shown.stderr
    assert f"\nerror: 2 differences on {host}\n" in shown.stderr  # a changed file is told of once
    assert service.llmdeploy("drift", "--repair").exit_code == 0
    assert service.llmdeploy("drift").exit_code == 0


def test_a_replica_on_hold_stays_out_whatever_becomes_of_its_haproxy(service: Service) -> None:
    """As between the start of an updated engine and the end of its test."""
    name, gateway = service.hosts.names[1], "llmdeploy-demo-gateway"
    hold = "/var/lib/llmdeploy/demo/engine/0.hold"
    service.hosts.run(name, f"sudo touch {hold}; sudo systemctl restart llmdeploy-demo-engine-0")
    within(ROTATION_SECONDS, lambda: not in_rotation(service, name))
    for change in (f"reload {gateway}", f"kill --signal KILL {gateway}"):
        service.hosts.run(name, f"sudo systemctl {change}")
        until = time.monotonic() + 3
        while time.monotonic() < until:
            assert not in_rotation(service, name), change
            time.sleep(0.2)
    service.hosts.run(name, f"sudo rm {hold}; sudo systemctl restart llmdeploy-demo-engine-0")
    within(ROTATION_SECONDS, lambda: in_rotation(service, name))


def test_every_host_comes_back_from_a_reboot(service: Service) -> None:
    for name in service.hosts.names:
        before = boot(service, name)
        service.hosts.run(name, "sudo systemctl reboot", check=False)
        within(60, lambda name=name, before=before: boot(service, name) not in ("", before))  # type: ignore[misc]
        within(60, lambda: healthy(service.endpoint))
        within(60, lambda name=name: in_rotation(service, name))  # type: ignore[misc]
    assert {one["state"] for one in service.status()["hosts"].values()} == {"running"}


def start(service: Service) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "llmdeploy", "up", "-y"]
    return subprocess.Popen(command, cwd=service.folder, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE)


def test_two_at_once_and_a_run_that_is_killed(service: Service) -> None:
    service.write(workload={"concurrency": 10, "prompt_tokens": 64, "output_tokens": 64})
    first = start(service)
    time.sleep(8)
    begun = time.monotonic()
    second = service.llmdeploy("up", "-y")
    assert second.exit_code == 5
    assert "is held by" in second.stderr
    assert time.monotonic() - begun < 2.5
    os.kill(first.pid, signal.SIGKILL)
    first.wait()
    service.up()
    report = service.up()
    assert not sections(report, "deploy")["changed"]
    assert {one["state"] for one in service.status()["hosts"].values()} == {"running"}


def test_a_host_that_is_off_is_left_out_and_caught_up(service: Service) -> None:
    off = service.hosts.names[2]
    service.hosts.crash(off)
    service.write(workload={"concurrency": 8, "prompt_tokens": 64, "output_tokens": 64})
    done = service.llmdeploy("up", "-y")
    assert done.exit_code == 0, done.stderr
    assert f"{off}" in done.stderr
    assert "left out: SSH" in done.stderr
    assert service.status()["hosts"][off]["engines"] == [{"replica": 0, "state": "unreachable"}]
    service.hosts.start(off)
    service.up()
    assert service.status()["hosts"][off]["state"] == "running"


def test_a_host_that_leaves_the_list_is_cleaned(service: Service) -> None:
    leaver = service.hosts.names[2]
    service.write(names=service.hosts.names[:2])
    service.up()
    assert differences(service.before[leaver], picture(service.hosts, leaver)) == {}
    assert healthy(service.endpoint)


def test_down_leaves_the_hosts_as_they_were(service: Service) -> None:
    done = service.llmdeploy("down")
    assert done.exit_code == 0, done.stderr
    for name in service.hosts.names:
        assert differences(service.before[name], picture(service.hosts, name)) == {}, name
