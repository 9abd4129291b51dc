"""Boxes of the edge: each a service of its own, changed wave by wave."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from cryptography import x509

from llmdeploy.deployment import Deployment
from llmdeploy.errors import StepError
from llmdeploy.fleet import fitting, rollout
from llmdeploy.fleet.changing import Changed
from llmdeploy.fleet.host import Host
from llmdeploy.fleet.record import Member
from llmdeploy.fleet.rollout import Rollout
from llmdeploy.fleet.variables import Fleet, variables_of
from llmdeploy.fleet.waves import waves
from llmdeploy.plan import HostPlan, Plan
from llmdeploy.run import Recorder, Run
from llmdeploy.sizing.catalogue.models import find_model
from llmdeploy.spec import load_spec
from llmdeploy.state import StateFolder
from llmdeploy.targets import target

from .conftest import Hosts
from .documents import NOW, document
from .fleets import fleet
from .test_variables import SPECS

EDGE = ("--target", "edge")


@pytest.fixture
def boxes(hosts: Hosts) -> Fleet:
    for name in ("box1", "box2", "box3"):
        hosts.answer(name)
    hosts.listed("{name: box1}", "{name: box2, wave: canary}", "{name: box3, wave: north}")
    return fleet(hosts, *EDGE)


def test_every_box_is_engine_and_gateway_for_itself_alone(boxes: Fleet) -> None:
    for box in boxes.planned():
        found = variables_of(boxes, box)
        assert box.gateway
        assert box.replicas
        assert {one["host"] for one in found["gateway_members"]} == {box.name}
        assert {one["address"] for one in found["gateway_members"]} == {"127.0.0.1"}
        assert (found["model_store_share"], found["model_store_peers"]) == (False, [])
        assert found["hardening_inner"] == []
        assert found["hardening_public_ports"] == [boxes.plan.port]
        assert found["metrics_server"] is False
        assert [one["name"] for one in found["metrics_targets"]] == [box.name]


def test_every_box_has_certificates_of_its_own(boxes: Fleet) -> None:
    seen = set()
    for box in boxes.planned():
        path = variables_of(boxes, box)["gateway_public_certificate_source"]
        names = x509.load_pem_x509_certificate(Path(path).read_bytes()).extensions.get_extension_for_class(
            x509.SubjectAlternativeName
        )
        assert box.name in names.value.get_values_for_type(x509.DNSName)
        seen.add(path)
    assert len(seen) == 3


def test_a_box_that_joins_changes_nothing_on_the_others(boxes: Fleet, hosts: Hosts) -> None:
    before = variables_of(boxes, boxes.planned()[0])
    hosts.answer("box4")
    hosts.listed("{name: box1}", "{name: box2, wave: canary}", "{name: box3, wave: north}", "{name: box4, wave: north}")
    more = fleet(hosts, *EDGE)
    assert variables_of(more, more.planned()[0]) == before


def test_every_box_is_sized_for_the_whole_workload(boxes: Fleet) -> None:
    assert {box.slots for box in boxes.planned()} == {boxes.plan.spec["workload"]["concurrency"]}


def test_in_pull_mode_the_gateway_knows_both_slots_and_the_agent_misses_nothing(hosts: Hosts) -> None:
    hosts.answer("box1")
    hosts.listed("{name: box1}")
    (hosts.folder / "llmdeploy.yaml").write_text("hosts: {pull_from: https://releases.example.org/box}\n")
    made = fleet(hosts, *EDGE)
    found = variables_of(made, made.planned()[0])
    assert [one["engine_port"] for one in found["gateway_inner"]] == list(found["pull_agent_ports"].values())
    assert len(found["gateway_members"]) == 2
    assert len(found["model_store_artifacts"]) == 1  # the agent's runtime; models come in releases
    given = {key: value for key, value in found.items() if key in SPECS["pull_agent"]}
    assert ArgumentSpecValidator(SPECS["pull_agent"]).validate(given).error_messages == []
    signer = Path(found["pull_agent_signer_source"])
    assert "BEGIN PUBLIC KEY" in signer.read_text()
    assert (signer.with_name("release.key").stat().st_mode & 0o777) == 0o600


@pytest.mark.parametrize("setting", ["virtual_address: 10.0.0.9", "certificate: cert.pem"])
def test_what_hosts_share_is_refused(hosts: Hosts, setting: str) -> None:
    hosts.many(1)
    (hosts.folder / "cert.pem").write_text("-----BEGIN CERTIFICATE-----\n-----BEGIN PRIVATE KEY-----\n")
    (hosts.folder / "llmdeploy.yaml").write_text(f"hosts: {{{setting}}}\n")
    result = hosts.run(*EDGE)
    assert result.exit_code != 0
    assert "stand alone" in result.stderr


def names(boxes: tuple[HostPlan, ...]) -> list[str]:
    return [box.name for box in boxes]


def test_waves_begin_with_canaries_and_end_with_boxes_that_are_in_none() -> None:
    listed = {"a": "", "b": "south", "c": "canary", "d": "north", "e": "south", "f": ""}
    found = waves([HostPlan(name, name, wave=wave) for name, wave in listed.items()])
    assert [(wave.name, names(wave.boxes)) for wave in found] == [
        ("canary", ["c"]), ("south", ["b", "e"]), ("north", ["d"]), ("the rest", ["a", "f"]),
    ]  # fmt: skip


class Roll:
    """A rollout over boxes that only say whether they fail."""

    def __init__(self, boxes: Fleet, folder: Path, monkeypatch: pytest.MonkeyPatch, failing: set[str]) -> None:
        self.fleet, self.failing = boxes, failing
        self.reached: list[str] = []
        self.back: list[str] = []
        state = StateFolder(folder / "state")
        state.create()
        deployment = Deployment(state, None)  # type: ignore[arg-type]
        recorder = Recorder("deploy", (), Run("", None).clock)  # type: ignore[arg-type]
        self.roll = Rollout(boxes.plan, {}, deployment, recorder)
        monkeypatch.setattr(rollout, "change", self._change)
        monkeypatch.setattr(rollout, "_put_back", self._put_back)

    def _change(self, fleet: Fleet, deployment: Deployment, recorder: Recorder) -> Changed:
        self.reached += fleet.hosts
        failed = {name: "it broke" for name in fleet.hosts if name in self.failing}
        return Changed(failed, dict.fromkeys(fleet.hosts, 1), 0)

    def _put_back(self, failed: list[str], fleet: Fleet, roll: Rollout) -> dict[str, str]:
        self.back += failed
        return dict.fromkeys(failed, "back on plan former")

    def run(self, budget: int) -> None:
        self.roll.plan.spec["hosts"]["max_unavailable"] = budget
        for wave in waves(self.fleet.engines):
            rollout._take(wave, self.fleet, self.roll)


class _Clock:
    @staticmethod
    def monotonic() -> float:
        return 0.0


@pytest.fixture
def rolling(boxes: Fleet, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    def made(*failing: str) -> Roll:
        roll = Roll(boxes, tmp_path, monkeypatch, set(failing))
        roll.roll.recorder.clock = _Clock()  # type: ignore[assignment]
        return roll

    return made


def test_a_canary_that_fails_stops_the_roll_at_once(rolling: Any) -> None:
    roll = rolling("box2")
    with pytest.raises(StepError, match="wave canary: a canary failed: box2: it broke; back on plan former"):
        roll.run(budget=5)
    assert (roll.reached, roll.back) == (["box2"], ["box2"])


def test_the_roll_goes_on_within_the_budget_and_says_which_failed(rolling: Any) -> None:
    roll = rolling("box3")
    roll.run(budget=1)
    assert (roll.reached, roll.back, roll.roll.done) == (["box2", "box3", "box1"], ["box3"], ["box2", "box1"])
    assert [entry.status for entry in roll.roll.recorder.entries] == ["changed", "warning", "changed"]


def test_over_the_budget_the_roll_stops_and_later_waves_are_not_reached(rolling: Any) -> None:
    roll = rolling("box3")
    with pytest.raises(StepError, match=r"1 failed, and hosts\.max_unavailable is 0"):
        roll.run(budget=0)
    assert roll.reached == ["box2", "box3"]


def member(name: str, **changes: Any) -> Member:
    return Member(Host(name, name), document(**changes), NOW, NOW)


def test_the_largest_file_that_fits_the_smallest_box_is_taken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    named = find_model("qwen2.5-0.5b")
    assert named
    (four,) = named.model.files
    eight = replace(four, quantization="Q8_0", size_bytes=four.size_bytes * 8)
    row = replace(named.model, files=(four, eight))
    spec = load_spec(None, {"model.id": "qwen2.5-0.5b", "target": "edge"})
    large: dict[str, Member] = {"large": member("large")}
    assert fitting._largest(row, spec, large) == eight
    small = member("small", memory={"total": 2 * 2**30, "available": 3 * 2**29})
    assert fitting._largest(row, spec, {**large, "small": small}) == four
    tiny = member("tiny", memory={"total": 2**28, "available": 2**27})
    assert fitting._largest(row, spec, {"tiny": tiny}) is None


def test_a_plan_of_an_older_version_pulls_nothing(boxes: Fleet) -> None:
    del boxes.plan.spec["hosts"]["pull_from"]
    assert isinstance(Plan.from_json(boxes.plan.as_json()), Plan)
    assert "pull_agent_from" not in variables_of(boxes, boxes.planned()[0])


def test_the_first_box_that_answers_is_the_endpoint(
    boxes: Fleet, hosts: Hosts, monkeypatch: pytest.MonkeyPatch
) -> None:
    state = StateFolder(hosts.folder / ".llmdeploy" / "demo")
    deployment = Deployment(state, None)  # type: ignore[arg-type]
    for answering, expected in (({"box2", "box3"}, "box2"), (set(), "box1")):
        urls = {f"https://{boxes.hosts[name][0].address}:{boxes.plan.port}" for name in answering}
        monkeypatch.setattr("llmdeploy.fleet.boxes.healthy", lambda endpoint, urls=urls: endpoint.url in urls)
        found = target("edge").endpoint(boxes.plan, deployment)
        assert found.url == f"https://{boxes.hosts[expected][0].address}:{boxes.plan.port}"


def test_where_releases_come_from_is_part_of_a_plan(hosts: Hosts) -> None:
    hosts.answer("box1")
    hosts.listed("{name: box1}")
    digests = []
    for place in ("", "https://releases.example.org/box", "https://elsewhere.example.org/box"):
        (hosts.folder / "llmdeploy.yaml").write_text(f"hosts: {{pull_from: '{place}'}}\n")
        digests.append(hosts.plan(*EDGE)["digest"])
    assert len(set(digests)) == 3


def test_boxes_that_pull_are_not_given_engines_beside_their_own(boxes: Fleet, tmp_path: Path) -> None:
    state = StateFolder(tmp_path / "state")
    state.create()
    hosts = {**boxes.plan.spec["hosts"], "pull_from": "/srv/release"}
    state.save_deployed(replace(boxes.plan, spec={**boxes.plan.spec, "hosts": hosts}))
    recorder = Recorder("setup", (), Run("", None).clock)  # type: ignore[arg-type]
    with pytest.raises(StepError, match="pull their releases") as refused:
        target("edge").setup(boxes.plan, Deployment(state, None), recorder)  # type: ignore[arg-type]
    assert "llmdeploy down" in refused.value.hint
