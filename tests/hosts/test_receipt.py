"""Receipts on a real host: settled roles are told, and a removal leaves the host as it was."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.checkout import ROOT
from tests.hosts.fleet import Fleet
from tests.hosts.picture import differences, picture

# A role as the real ones are: a package whose daemon may not start, an account, files, a unit, kernel settings.
MANAGES: dict[str, list[str]] = {
    "files": [
        "/etc/llmdeploy/NAME/thing.conf",
        "/etc/sysctl.d/60-llmdeploy.conf",
        "/etc/systemd/system/haproxy.service",
        "/etc/systemd/system/llmdeploy-NAME-thing.service",
    ],
    "folders": ["/var/lib/llmdeploy/NAME/thing"],
    "units": ["llmdeploy-NAME-thing.service"],
    "packages": ["haproxy"],
    "users": ["llmdeploy"],
    "groups": ["llmdeploy"],
}
UNIT = "[Service]\nExecStart=/bin/sleep infinity\n[Install]\nWantedBy=multi-user.target\n"
BUILTIN = "ansible.builtin."
TASKS: list[dict[str, Any]] = [
    {
        BUILTIN + "file": {
            "path": "/etc/systemd/system/haproxy.service",
            "src": "/dev/null",
            "state": "link",
            "force": True,
        }
    },
    {BUILTIN + "apt": {"name": "haproxy", "install_recommends": False, "update_cache": True, "cache_valid_time": 3600}},
    {BUILTIN + "user": {"name": "llmdeploy", "system": True, "create_home": False, "shell": "/usr/sbin/nologin"}},
    {BUILTIN + "file": {"path": "/etc/llmdeploy/NAME", "state": "directory", "mode": "0750"}},
    {BUILTIN + "file": {"path": "/var/lib/llmdeploy/NAME/thing", "state": "directory", "mode": "0750"}},
    {BUILTIN + "copy": {"dest": "/var/lib/llmdeploy/NAME/thing/data", "content": "1", "force": False, "mode": "0600"}},
    {BUILTIN + "copy": {"dest": "/etc/llmdeploy/NAME/thing.conf", "content": "wanted\n", "mode": "0640"}},
    {
        BUILTIN + "copy": {
            "dest": "/etc/sysctl.d/60-llmdeploy.conf",
            "content": "net.ipv4.conf.all.send_redirects = 0\nvm.swappiness = 7\n",
            "mode": "0644",
        }
    },
    {BUILTIN + "command": {"argv": ["/usr/lib/systemd/systemd-sysctl"]}, "changed_when": False},
    {BUILTIN + "copy": {"dest": "/etc/systemd/system/llmdeploy-NAME-thing.service", "content": UNIT, "mode": "0644"}},
    {
        BUILTIN + "systemd_service": {
            "name": "llmdeploy-NAME-thing.service",
            "state": "started",
            "enabled": True,
            "daemon_reload": True,
        }
    },
]


@dataclass(frozen=True)
class Site:
    """A playbook with the role above, for one host."""

    hosts: Fleet
    folder: Path

    @property
    def host(self) -> str:
        return self.hosts.names[0]

    def play(self, playbook: Path, *arguments: str) -> dict[str, Any]:
        """Run a playbook; give the results of its tasks by module, with the totals as `stats`."""
        environ = {
            **os.environ,
            "ANSIBLE_CONFIG": str(ROOT / "playbooks/ansible.cfg"),
            "ANSIBLE_COLLECTIONS_PATH": str(ROOT / "playbooks/collections"),
            "ANSIBLE_LOCAL_TEMP": str(self.folder / "tmp"),
            "ANSIBLE_HOME": str(self.folder / "home"),
            "ANSIBLE_PIPELINING": "1",
        }
        inventory = self.folder / "inventory"
        inventory.write_text(self.hosts.inventory())
        command = [sys.executable, "-m", "ansible", "playbook", "-i", str(inventory), str(playbook), "-v", *arguments]
        done = subprocess.run(
            command, env=environ, capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=300
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return told(done.stdout)

    def apply(self, name: str = "demo", *arguments: str, fingerprint: str = "1", record: bool = True) -> dict[str, Any]:
        """Compare, run the role where it is not settled, record."""
        text = self.text(name, fingerprint, record)
        path = self.folder / "site.yml"
        path.write_text(text)
        return self.play(path, *arguments)

    def text(self, name: str, fingerprint: str, record: bool) -> str:
        """The playbook; JSON is YAML."""
        roles = {"thing": {"fingerprint": fingerprint, "manages": MANAGES}}
        compare = {
            "llmdeploy.host.receipt": {"deployment": "NAME", "state": "compare", "roles": roles},
            "register": "receipt",
        }
        present = {"llmdeploy.host.receipt": {"deployment": "NAME", "state": "present", "roles": roles}}
        role = {"block": TASKS, "when": "not receipt.settled.thing and not ansible_check_mode"}
        tasks = [compare, role, *([present] if record else [])]
        play = {"hosts": "all", "become": True, "gather_facts": False, "tasks": tasks}
        return json.dumps([play]).replace("NAME", name)

    def remove(self, name: str = "demo", *arguments: str) -> dict[str, Any]:
        return self.play(ROOT / "playbooks/remove.yml", "-e", f"remove_deployment={name}", *arguments)


def told(output: str) -> dict[str, Any]:
    """What the receipt module answered (the answers together) and how many tasks changed something."""
    found: dict[str, Any] = {}
    for line in output.splitlines():
        if " => {" in line and ('"settled"' in line or '"removed"' in line):
            found |= json.loads(line.split(" => ", 1)[1])
        if " changed=" in line:
            found["changes"] = int(line.split(" changed=")[1].split()[0])
    return found


@pytest.fixture
def site(one_host: Fleet, tmp_path: Path) -> Site:
    """A host with a fresh disk, and the lists of packages that are there on any machine."""
    (name,) = one_host.names
    one_host.reset(name)
    one_host.run(name, "sudo apt-get --quiet=2 update", timeout=300)
    return Site(one_host, tmp_path)


def test_settled_is_told_and_what_is_not_is_named(site: Site) -> None:
    before = site.apply("demo", "--check")
    assert before["settled"] == {"thing": False}
    assert before["reasons"] == {"thing": ["it was not set up here yet"]}
    assert site.hosts.run(site.host, "ls /var/lib/llmdeploy", check=False).returncode != 0, "a check writes nothing"

    assert site.apply()["changes"] > 5
    again = site.apply()
    assert (again["settled"], again["changes"]) == ({"thing": True}, 0)
    assert site.apply("demo", "--check")["changes"] == 0
    mode = site.hosts.run(site.host, "sudo stat -c %a /var/lib/llmdeploy/demo/receipts/receipt.json").stdout
    assert mode == "600\n", "it holds hashes of secrets"

    assert site.apply("demo", "--check", fingerprint="2")["reasons"] == {"thing": ["its inputs changed"]}
    assert site.apply("demo", "--check", fingerprint="")["settled"] == {"thing": False}
    site.hosts.run(
        site.host,
        "echo other | sudo tee /etc/llmdeploy/demo/thing.conf; sudo chmod 600 /etc/llmdeploy/demo/thing.conf;"
        "sudo systemctl stop llmdeploy-demo-thing; sudo rm /etc/sysctl.d/60-llmdeploy.conf",
    )
    assert set(site.apply("demo", "--check")["reasons"]["thing"]) == {
        "/etc/llmdeploy/demo/thing.conf differs in content, mode",
        "/etc/sysctl.d/60-llmdeploy.conf is missing",
        "llmdeploy-demo-thing.service is enabled and inactive",
    }
    site.apply()
    assert site.apply()["settled"] == {"thing": True}


def test_a_removal_leaves_the_host_as_it_was(site: Site) -> None:
    before = picture(site.hosts, site.host)
    site.apply()
    assert {"files", "packages", "accounts", "services", "kernel"} <= set(
        differences(before, picture(site.hosts, site.host))
    )
    would = site.remove("demo", "--check")["removed"]
    assert site.apply()["settled"] == {"thing": True}, "a check removes nothing"

    done = site.remove()
    assert done["left"] == {}
    assert done["removed"]["units"] == would["units"] == ["llmdeploy-demo-thing.service"]
    assert set(done["removed"]["packages"]) == set(would["packages"]) >= {"haproxy"}
    assert differences(before, picture(site.hosts, site.host)) == {}
    assert site.remove()["changes"] == 0


def test_what_a_run_left_that_was_cut_off_goes_too(site: Site) -> None:
    before = picture(site.hosts, site.host)
    site.apply(record=False)
    site.apply(record=False)
    assert site.remove()["left"] == {}
    assert differences(before, picture(site.hosts, site.host)) == {}


def test_shared_things_go_with_the_last_deployment(site: Site) -> None:
    before = picture(site.hosts, site.host)
    site.apply("one")
    site.apply("two")
    left = site.remove("one")["left"]
    shared = ("/etc/sysctl.d/60-llmdeploy.conf", "/etc/systemd/system/haproxy.service")
    assert left == dict.fromkeys(shared, "another role or deployment uses it")
    assert site.apply("two")["settled"] == {"thing": True}
    assert site.hosts.run(site.host, "sudo ls /etc/llmdeploy /var/lib/llmdeploy").stdout.split().count("one") == 0
    assert site.remove("two")["left"] == {}
    assert differences(before, picture(site.hosts, site.host)) == {}


def test_what_was_there_before_stays(site: Site) -> None:
    """A package, a unit and a file of the admin that the role would have made, and a package that came in between."""
    site.hosts.run(
        site.host,
        "sudo apt-get --quiet=2 --yes install --no-install-recommends haproxy >/dev/null 2>&1;"
        "echo mine | sudo tee /etc/sysctl.d/60-llmdeploy.conf",
        timeout=300,
    )
    site.apply(record=False)
    site.hosts.run(
        site.host, "sudo apt-get --quiet=2 --yes install --no-install-recommends tree >/dev/null", timeout=300
    )
    site.apply()
    done = site.remove()
    assert done["left"] == {"/etc/sysctl.d/60-llmdeploy.conf": "it was there before llmdeploy"}
    assert done["removed"]["packages"] == []
    site.hosts.run(site.host, "dpkg-query --status haproxy tree; id haproxy")
