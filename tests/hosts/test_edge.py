"""Boxes of the edge from bare to gone: waves, faults halfway, releases that boxes pull, power cuts, no network.

The tests are one story, in the order of the file: each goes on with what the one before it left. `edge1` is the canary
and `edge2` comes after it; `edge3` is a ship without a network, a deployment of its own.
"""

from __future__ import annotations

import base64
import json
import shutil
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import yaml

from llmdeploy.adapters.http import answers, healthy
from llmdeploy.adapters.signer import ensure_signer, sign
from llmdeploy.endpoint import Endpoint
from llmdeploy.onhost.signed import FILE, sealed
from llmdeploy.secret import Secret
from tests.command import Result, llmdeploy
from tests.hosts.fleet import Fleet
from tests.hosts.picture import differences, picture
from tests.hosts.traffic import Traffic, traffic

CANARY, LATER, SHIP = "edge1", "edge2", "edge3"
STICK, SHARE = "/srv/stick", "/srv/share"
LIGHT = 2  # clients
WORK = {"prompt_tokens": 64, "output_tokens": 64}
AGENT = "llmdeploy-demo-pull.service"
FOLDER = "/var/lib/llmdeploy/demo/pull"
SLOWLY = f"sudo systemctl set-property --runtime {AGENT} CPUQuota=4%"  # copying and hashing take seconds then
SEAL = "table inet seal { chain out { type filter hook output priority 0; policy drop; oifname lo accept; %s; }\n}\n"
WRONG = {"cases": [{"name": "moon", "prompt": "What is the capital of France?", "expect": {"equals": "Moon."}}]}


@dataclass
class Site:
    """A deployment under test: where its files are, its boxes with their waves, and what they were like before."""

    folder: Path
    hosts: Fleet
    boxes: dict[str, str]
    before: dict[str, Any] = field(default_factory=dict)

    @property
    def state(self) -> Path:
        return self.folder / ".llmdeploy" / "demo"

    @property
    def release(self) -> Path:
        """Where this machine writes releases."""
        return self.folder / "release"

    def endpoint(self, box: str) -> Endpoint:
        key = Secret((self.state / "key").read_text().strip())
        url = f"https://{self.hosts.address(box)}:443"
        return Endpoint(url, "demo", key, ca_file=str(self.state / "tls/ca.pem"))

    def write(self, concurrency: int = 2, pull_from: str = "", **changes: Any) -> None:
        """The two files that a user writes."""
        listed = [
            {"name": name, "address": self.hosts.address(name), **({"wave": wave} if wave else {})}
            for name, wave in self.boxes.items()
        ]
        reach = {"user": "ops", "identity": str(self.hosts.key), "known_hosts": str(self.hosts.known_hosts)}
        (self.folder / "hosts.yaml").write_text(yaml.safe_dump({"ssh": reach, "hosts": listed}))
        spec = {
            "name": "demo",
            "target": "edge",
            "hosts": {"inventory": "hosts.yaml", "pull_from": pull_from},
            "access": {"port": 443},
            "workload": {"concurrency": concurrency, **WORK},
            "test": {"load": {"duration": "1s"}},
            "monitor": {"interval": "5s"},
            **changes,
        }
        (self.folder / "llmdeploy.yaml").write_text(yaml.safe_dump(spec))

    def llmdeploy(self, *arguments: str, code: int = 0) -> Result:
        """A command that ends with this exit code."""
        done = llmdeploy(*arguments, cwd=self.folder)
        assert done.exit_code == code, f"{arguments} gave {done.exit_code}: {done.stdout[-3000:]}{done.stderr[-3000:]}"
        return done

    def up(self, *arguments: str) -> list[dict[str, Any]]:
        """`up`; the entries of all steps."""
        reports = self.llmdeploy("up", "-y", "--json", *arguments).json["reports"]
        return [entry for report in reports for entry in report["entries"]]

    def deployed(self) -> str:
        digest: str = json.loads((self.state / "deployed.json").read_text())["digest"]
        return digest

    def plans(self) -> dict[str, str]:
        """Which plan each box runs, as `status` says."""
        return {name: one["plan"] for name, one in self.status()["hosts"].items()}

    def status(self) -> dict[str, Any]:
        found: dict[str, Any] = self.llmdeploy("status", "--json").json
        return found

    def publish(self, number_of_slots: int, place: str = SHARE, boxes: tuple[str, ...] = (CANARY,), **spec: Any) -> int:
        """The next release, carried into a folder of these boxes; its number."""
        self.write(number_of_slots, place, **spec)
        self.llmdeploy("prepare")
        done = self.llmdeploy("bundle", "--release", "release", "--json").json
        for box in boxes:
            self.carry(box, place)
        number: int = done["reports"][-1]["data"]["release"]
        return number

    def carry(self, box: str, place: str = SHARE) -> None:
        """Files first, the manifest last."""
        shell = f"tar -C {self.release} -c files {FILE} | ssh -F {self.hosts.ssh_config} {box} "
        subprocess.run([*shell_of(shell + f"'sudo sh -c \"mkdir -p {place} && tar -C {place} -x\"'")], check=True)

    def pull(self, box: str = CANARY) -> dict[str, Any]:
        """Have the agent look now, as the timer does; what came of it."""
        self.hosts.run(box, f"sudo systemctl start {AGENT}", check=False, timeout=300)
        found: dict[str, Any] = json.loads(self.hosts.run(box, f"sudo cat {FOLDER}/status.json").stdout)
        return found

    def serving(self, box: str = CANARY) -> tuple[str, int]:
        """The slot that runs, which must be one alone, and the number of its release."""
        runs = "systemctl -q is-active llmdeploy-demo-slot-$s"
        script = f"for s in a b; do if {runs}; then echo $s; sudo cat {FOLDER}/$s/slot.json; echo; fi; done"
        slot, about = self.hosts.run(box, script).stdout.split(maxsplit=1)
        return slot, json.loads(about)["release"]


def shell_of(line: str) -> tuple[str, ...]:
    return ("bash", "-o", "pipefail", "-c", line)


def within(seconds: float, happens: Callable[[], bool]) -> None:
    """Fails the test where it does not happen in time."""
    begun = time.monotonic()
    while not happens():
        assert time.monotonic() - begun < seconds, f"not within {seconds} s"
        time.sleep(0.1)


def lossless(seen: Traffic) -> None:
    assert (seen.unserved, seen.cut) == ([], 0)
    assert seen.served > LIGHT


@pytest.fixture(scope="module")
def site(three_hosts: Fleet, tmp_path_factory: pytest.TempPathFactory) -> Site:
    before = {name: picture(three_hosts, name) for name in three_hosts.names}
    made = Site(tmp_path_factory.mktemp("edge"), three_hosts, {LATER: "", CANARY: "canary"}, before)
    made.write()
    return made


def test_one_command_makes_a_tested_service_of_each_bare_box(site: Site) -> None:
    entries = site.up()
    waves = [entry["name"] for entry in entries if entry["name"].startswith("wave")]
    assert waves == ["wave canary", "wave the rest"]
    for box in site.boxes:
        assert answers(site.endpoint(box), 30) == ""
    assert set(site.plans().values()) == {site.deployed()}


def test_a_second_run_changes_nothing(site: Site) -> None:
    assert [entry["name"] for entry in site.up() if entry["status"] == "changed"] == []


def came_up(site: Site, box: str) -> str:
    """What changes with every start of the engine and every change of the gateway."""
    look = "systemctl show -P ActiveEnterTimestampMonotonic llmdeploy-demo-engine-0"
    return site.hosts.run(box, f"{look}; sudo sha256sum /etc/llmdeploy/demo/haproxy.cfg").stdout


def test_a_plan_that_fails_at_the_canary_goes_back_and_reaches_no_other_box(site: Site) -> None:
    good, untouched = site.deployed(), came_up(site, LATER)
    (site.folder / "wrong.yaml").write_text(yaml.safe_dump(WRONG))
    site.write(3, test={"golden": "wrong.yaml"})
    with traffic(site.endpoint(LATER), LIGHT) as seen:
        refused = site.llmdeploy("up", "-y", code=5)
    lossless(seen)
    assert answers(site.endpoint(CANARY), 30) == ""
    assert "moon" in refused.stderr
    assert f"back on plan {good}" in refused.stderr
    assert came_up(site, LATER) == untouched
    assert set(site.plans().values()) == {site.deployed()} == {good}


def unfit(site: Site, box: str, concurrency: int) -> None:
    """Have a box whose engine cannot run one plan, and every other."""
    unit = "/etc/systemd/system/llmdeploy-demo-engine-0.service"
    content = f"[Service]\nExecStartPre=/bin/sh -c \"! grep -q 'parallel. .{concurrency}. ' {unit}\"\n"
    script = f"mkdir -p {unit}.d && cat > {unit}.d/unfit.conf && systemctl daemon-reload"
    site.hosts.run(box, f"sudo sh -c '{script}'", given=content)


def test_after_a_rollout_that_stopped_status_drift_and_rollback_go_by_what_each_box_runs(site: Site) -> None:
    good = site.deployed()
    unfit(site, LATER, 4)
    site.write(4, hosts={"inventory": "hosts.yaml", "max_unavailable": 0})
    refused = site.llmdeploy("up", "-y", code=5)
    assert f"back on plan {good}" in refused.stderr
    plans = site.plans()
    assert plans[LATER] == good
    assert plans[CANARY] != good
    told = site.llmdeploy("status").stdout
    assert f"the last rollout stopped, and it has changed {CANARY}: plan {plans[CANARY]}" in told
    site.hosts.run(CANARY, "echo '# by hand' | sudo tee -a /etc/llmdeploy/demo/haproxy.cfg")
    shown = site.llmdeploy("drift", code=6)
    assert "by hand" in shown.stderr
    assert f"\nerror: 1 difference on {CANARY}\n" in shown.stderr  # each box against the plan that it runs
    site.llmdeploy("drift", "--repair")
    assert site.plans() == plans
    site.llmdeploy("rollback")
    assert set(site.plans().values()) == {site.deployed()} == {good}
    assert "stopped" not in site.llmdeploy("status").stdout
    site.hosts.run(LATER, "sudo rm -r /etc/systemd/system/llmdeploy-demo-engine-0.service.d")


def test_boxes_change_to_pulling_without_a_failed_request_and_one_that_is_off_is_left(site: Site) -> None:
    site.hosts.stop(LATER)
    site.publish(2, STICK)
    with traffic(site.endpoint(CANARY), LIGHT) as seen:
        done = site.llmdeploy("up", "-y")
    lossless(seen)
    assert f"{LATER}: it is off" in done.stderr
    assert site.serving() == ("b", 1)
    assert site.hosts.run(CANARY, "ls /etc/systemd/system | grep -c demo-engine", check=False).stdout == "0\n"


def test_a_box_that_was_off_is_caught_up_and_a_changed_address_reaches_the_others(site: Site) -> None:
    site.hosts.start(LATER)
    site.publish(2, SHARE, boxes=(CANARY, LATER))
    site.up()
    assert SHARE in site.hosts.run(CANARY, "sudo cat /etc/llmdeploy/demo/pull.json").stdout
    assert set(site.plans().values()) == {site.deployed()}
    assert {one["state"] for one in site.status()["hosts"].values()} == {"running"}
    assert [entry["name"] for entry in site.up() if entry["status"] == "changed"] == []


def test_a_release_comes_under_load_without_a_failed_request(site: Site) -> None:
    number = site.publish(3)
    with traffic(site.endpoint(CANARY), LIGHT) as seen:
        assert site.pull()["outcome"] == "updated"
    lossless(seen)
    assert site.serving()[1] == number


def test_a_release_that_answers_wrongly_never_serves(site: Site) -> None:
    before = site.serving()
    site.publish(2, test={"golden": "wrong.yaml"})
    with traffic(site.endpoint(CANARY), LIGHT) as seen:
        said = site.pull()
    lossless(seen)
    assert said["outcome"] == "failed"
    assert "moon" in said["detail"]
    assert site.serving() == before


def test_a_replayed_release_and_one_of_another_key_are_refused(site: Site) -> None:
    before, newest = site.serving(), site.release / FILE
    old = site.folder / "old.json"
    shutil.copy(newest, old)
    site.publish(4)
    assert site.pull()["outcome"] == "updated"
    kept = newest.read_text()
    shutil.copy(old, newest)
    site.carry(CANARY)
    said = site.pull()
    assert (said["outcome"], "replay" in said["detail"]) == ("refused", True)
    ensure_signer(site.folder / "other.key", site.folder / "other.pub")
    manifest = json.loads(base64.b64decode(json.loads(kept)["payload"]))
    payload = json.dumps({**manifest, "number": manifest["number"] + 1}).encode()
    newest.write_text(sealed(payload, sign(site.folder / "other.key", payload)))
    site.carry(CANARY)
    said = site.pull()
    assert (said["outcome"], "not signed by" in said["detail"]) == ("refused", True)
    assert site.serving() == ("a" if before[0] == "b" else "b", manifest["number"])
    newest.write_text(kept)
    site.carry(CANARY)


def test_an_engine_that_falls_silent_gives_way_to_the_slot_before(site: Site) -> None:
    slot, number = site.serving()
    site.hosts.run(CANARY, f"sudo systemctl kill --kill-whom main --signal STOP llmdeploy-demo-slot-{slot}")
    within(30, lambda: not healthy(site.endpoint(CANARY)))
    assert site.pull()["outcome"] == "returned"
    assert healthy(site.endpoint(CANARY))
    assert site.serving()[0] != slot
    assert site.pull()["outcome"] == "failed"  # the silent release is not taken again
    assert site.serving()[1] < number


MOMENTS = {
    "download": "ls {folder}/files | grep -q part",
    "filling": "test -e {folder}/{slot}/runtime",
    "switch": "test -e {folder}/{slot}/slot.json -a ! -e {folder}/{slot}.hold",
}


def test_after_a_power_cut_the_slot_that_served_serves_and_the_release_is_tried_again(site: Site) -> None:
    before = site.serving()
    slot = "a" if before[0] == "b" else "b"
    number = site.publish(5)
    site.hosts.run(CANARY, f"sudo sh -c 'rm -rf {FOLDER}/files; install -d -m 750 -g llmdeploy {FOLDER}/files'")
    for moment, condition in MOMENTS.items():
        if moment == "download":
            site.hosts.run(CANARY, SLOWLY)
        there = condition.format(folder=FOLDER, slot=slot)
        if moment == "switch":  # what the cut before left of the slot is no sign
            site.hosts.run(CANARY, f"sudo rm -rf {FOLDER}/{slot}/slot.json")
            there = f"test -e {FOLDER}/{slot}.hold && touch /tmp/held; test -e /tmp/held && {there}"
        wait = f"timeout 120 sh -c 'until {there}; do sleep 0.02; done'"
        site.hosts.run(CANARY, f"sudo systemctl start --no-block {AGENT} && sudo {wait}", timeout=180)
        assert site.hosts.run(CANARY, f"systemctl show -P ActiveState {AGENT}").stdout == "activating\n", moment
        site.hosts.crash(CANARY)
        site.hosts.start(CANARY)
        within(120, lambda: healthy(site.endpoint(CANARY)))
        assert site.serving() == before, moment
        state = json.loads(site.hosts.run(CANARY, f"sudo cat {FOLDER}/state.json").stdout)
        assert (state["active"], state["highest"]) == (before[0], number), moment
    assert site.pull()["outcome"] == "updated"
    assert site.serving() == (slot, number)


def test_down_leaves_nothing(site: Site) -> None:
    site.hosts.run(CANARY, f"sudo rm -r {STICK} {SHARE}")
    site.hosts.run(LATER, f"sudo rm -r {SHARE}")
    site.llmdeploy("down")
    for box in site.boxes:
        assert differences(site.before[box], picture(site.hosts, box)) == {}, box


@pytest.fixture(scope="module")
def ship(site: Site, tmp_path_factory: pytest.TempPathFactory) -> Site:
    made = Site(tmp_path_factory.mktemp("ship"), site.hosts, {SHIP: ""}, site.before)
    made.write()
    return made


def test_a_box_without_a_network_is_served_from_a_bundle(ship: Site) -> None:
    ship.llmdeploy("prepare")
    ship.llmdeploy("bundle", "--from-host", SHIP)
    neighbours = f"ip daddr {ship.hosts.address(SHIP).rpartition('.')[0]}.0/24 accept"
    ship.hosts.run(SHIP, "sudo nft -f -", given=SEAL % neighbours)
    assert ship.hosts.run(SHIP, "sudo timeout 5 apt-get -qq update", check=False, timeout=30).returncode != 0
    ship.up("--bundle", "demo.bundle.tar")
    assert answers(ship.endpoint(SHIP), 30) == ""
    entries = ship.up("--bundle", "demo.bundle.tar")
    assert [entry["name"] for entry in entries if entry["status"] == "changed"] == []


def test_down_leaves_nothing_of_a_bundle_either(ship: Site) -> None:
    ship.llmdeploy("down")
    ship.hosts.run(SHIP, "sudo nft delete table inet seal")
    assert differences(ship.before[SHIP], picture(ship.hosts, SHIP)) == {}
