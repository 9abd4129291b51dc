"""The hosts themselves: what the other tests here rely on."""

from __future__ import annotations

import os
import subprocess

import pytest

from tests.hosts import fleet
from tests.hosts.fleet import SCRIPT, Fleet


def answers(hosts: Fleet, name: str) -> bool:
    """Whether ssh gets in within two seconds."""
    ssh = ["ssh", "-F", str(hosts.ssh_config), "-o", "BatchMode=yes", "-o", "ConnectTimeout=2", name, "true"]
    return subprocess.run(ssh, capture_output=True, stdin=subprocess.DEVNULL, timeout=30).returncode == 0


def test_a_host_is_a_whole_system(one_host: Fleet) -> None:
    (name,) = one_host.names
    assert one_host.run(name, "ps -o comm= 1; hostname; sudo id -u").stdout.split() == ["systemd", name, "0"]
    assert one_host.address(name) in one_host.run(name, "ip -4 -o addr show eth0").stdout
    assert one_host.run(name, "systemctl is-system-running --wait").stdout.strip() == "running"
    assert one_host.run(name, "cat", given="fed").stdout == "fed"
    assert f"{name}\n" in one_host.inventory()
    assert one_host.address(name) in one_host.known_hosts.read_text("utf-8")
    assert one_host.key.stat().st_mode & 0o077 == 0


def test_a_failed_command_fails_the_test(one_host: Fleet) -> None:
    (name,) = one_host.names
    with pytest.raises(AssertionError, match="gave 3"):
        one_host.run(name, "exit 3")
    assert one_host.run(name, "exit 3", check=False).returncode == 3


def test_plug_power_and_disk(one_host: Fleet) -> None:
    (name,) = one_host.names
    one_host.run(name, "echo kept >mark")
    for away in (one_host.crash, one_host.stop, one_host.unplug):
        away(name)
        assert not answers(one_host, name)
        one_host.restore()
        assert one_host.run(name, "cat mark").stdout == "kept\n"
    one_host.reset(name)
    assert one_host.run(name, "ls mark", check=False).returncode != 0


def test_the_script_refuses_in_one_line_where_it_cannot_work() -> None:
    if os.geteuid() != 0:
        pytest.skip("hosts need root")
    nobody = ["setpriv", "--reuid=65534", "--clear-groups", "bash", "-s", "check"]
    with SCRIPT.open() as script:
        refused = subprocess.run(nobody, stdin=script, capture_output=True, text=True)
    assert (refused.returncode, refused.stderr) == (1, "testhosts: needs root\n")


def test_hosts_of_somebody_else_are_left_alone(monkeypatch: pytest.MonkeyPatch, one_host: Fleet) -> None:
    monkeypatch.setattr(fleet, "OWNER", "somebody else")
    with pytest.raises(AssertionError, match="no test brought up"):
        fleet.refuse_foreign()
    assert answers(one_host, one_host.names[0])
