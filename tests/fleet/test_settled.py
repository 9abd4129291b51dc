"""Whether Ansible has anything to do: receipts that hosts tell of, asked for once a run."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from llmdeploy.bundled import bundled
from llmdeploy.fleet.host import Host
from llmdeploy.fleet.settled import PLAYBOOK_ROLES, Asking, all_settled, forget

from .conftest import Hosts

ROLES = sorted({role for roles in PLAYBOOK_ROLES.values() for role in roles})
NAMES = ("one", "two")
DONE = {role: {"fingerprint": "f00d", "reasons": []} for role in ROLES}


def inventory() -> dict[str, Any]:
    hosts = {name: {"llmdeploy_fingerprints": dict.fromkeys(ROLES, "f00d")} for name in NAMES}
    return {"all": {"hosts": hosts, "children": {"engines": {"hosts": {"two": {}}}}}}


class Fleet:
    """Two hosts with receipts, and the run that asks them."""

    def __init__(self, hosts: Hosts, state: Path) -> None:
        self.hosts, self.state = hosts, state
        for name in NAMES:
            self.tells(name, json.dumps(DONE))

    def tells(self, name: str, text: str) -> None:
        self.hosts.act(name, f"cat >/dev/null; echo '{text}'")

    def settled(self, playbook: str, run: str = "run1") -> bool:
        known = {name: Host(name, name) for name in NAMES}
        asking = Asking(known, "demo", bundled("playbooks"), self.state / "told.json", run)
        return all_settled(playbook, inventory(), asking.told)


@pytest.fixture
def fleet(hosts: Hosts, tmp_path: Path) -> Fleet:
    return Fleet(hosts, tmp_path)


def test_the_steps_of_a_run_ask_each_host_once(fleet: Fleet) -> None:
    assert all(fleet.settled(playbook) for playbook in PLAYBOOK_ROLES)
    assert len(fleet.hosts.calls()) == len(NAMES)


def test_another_run_asks_anew(fleet: Fleet) -> None:
    assert fleet.settled("setup", "run1")
    fleet.tells("two", json.dumps({**DONE, "engine": {"fingerprint": "f00d", "reasons": ["gone.service is missing"]}}))
    assert fleet.settled("deploy", "run1")
    assert not fleet.settled("deploy", "run2")


def test_after_a_playbook_they_are_asked_anew(fleet: Fleet) -> None:
    assert fleet.settled("setup")
    forget(fleet.state)
    fleet.tells("one", json.dumps({}))
    assert not fleet.settled("monitor")


@pytest.mark.parametrize("shell", ["exit 255", "cat >/dev/null; echo Welcome", "cat >/dev/null; echo '{}'"])
def test_a_host_that_tells_nothing_is_not_settled(fleet: Fleet, shell: str) -> None:
    fleet.hosts.act("two", shell)
    assert not any(fleet.settled(playbook) for playbook in PLAYBOOK_ROLES)


def test_other_inputs_are_not_settled(fleet: Fleet) -> None:
    fleet.tells("one", json.dumps({**DONE, "metrics": {"fingerprint": "cafe", "reasons": []}}))
    assert fleet.settled("setup")
    assert not fleet.settled("monitor")
