"""Inventories of Ansible as people have them: INI, YAML, a folder, a script."""

from __future__ import annotations

from typing import Any

import pytest

from llmdeploy.fleet.foreign_inventory import hosts_of

from .conftest import FAKE_SSH, Hosts

INI = f"""\
[engines]
gpu1 ansible_host=10.0.0.11 ansible_user=ops ansible_port=2222 ansible_ssh_private_key_file=/keys/gpu1
gpu2 ansible_host=10.0.0.12 llmdeploy_wave=canary

[gateways]
front ansible_host=10.0.0.1

[all:vars]
ansible_ssh_executable={FAKE_SSH}/ssh
ansible_ssh_common_args='-o ProxyJump=bastion'
"""
YAML = f"""\
all:
  vars: {{ansible_ssh_executable: {FAKE_SSH}/ssh}}
  children:
    engines: {{hosts: {{gpu1: {{ansible_host: 10.0.0.11}}, gpu2: {{ansible_host: 10.0.0.12}}}}}}
    gateways: {{hosts: {{front: {{ansible_host: 10.0.0.1}}}}}}
"""
ADDRESSES = ("10.0.0.1", "10.0.0.11", "10.0.0.12")


def parts(plan: dict[str, Any]) -> dict[str, tuple[str, bool, int, str]]:
    return {part["name"]: (part["address"], part["gateway"], part["replicas"], part["wave"]) for part in plan["hosts"]}


def answering(hosts: Hosts) -> None:
    for address in ADDRESSES:
        hosts.answer(address)


def test_an_ini_inventory_with_groups(hosts: Hosts) -> None:
    answering(hosts)
    (hosts.folder / "inventory").write_text(INI)
    assert parts(hosts.plan(hosts="inventory")) == {
        "gpu1": ("10.0.0.11", False, 1, ""),
        "gpu2": ("10.0.0.12", False, 1, "canary"),
        "front": ("10.0.0.1", True, 0, ""),
    }
    call = next(line for line in hosts.calls() if line.split(" -- ")[1].startswith("10.0.0.11"))
    assert "-o ProxyJump=bastion -l ops -p 2222 -i /keys/gpu1 -- 10.0.0.11" in call


def test_a_yaml_inventory_is_not_taken_for_a_hosts_file(hosts: Hosts) -> None:
    answering(hosts)
    (hosts.folder / "inventory.yaml").write_text(YAML)
    assert parts(hosts.plan(hosts="inventory.yaml"))["front"] == ("10.0.0.1", True, 0, "")


def test_a_folder_of_inventories_with_group_variables(hosts: Hosts) -> None:
    answering(hosts)
    folder = hosts.folder / "inventory"
    (folder / "group_vars").mkdir(parents=True)
    (folder / "engines.ini").write_text("[engines]\ngpu1 ansible_host=10.0.0.11\n")
    (folder / "group_vars/all.yml").write_text(f"ansible_ssh_executable: {FAKE_SSH}/ssh\n")
    assert parts(hosts.plan(hosts="inventory")) == {"gpu1": ("10.0.0.11", True, 1, "")}


def test_a_script(hosts: Hosts) -> None:
    answering(hosts)
    script = hosts.folder / "inventory.sh"
    variables = f'{{"gpu1": {{"ansible_host": "10.0.0.11", "ansible_ssh_executable": "{FAKE_SSH}/ssh"}}}}'
    script.write_text(f'#!/bin/sh\necho \'{{"engines": ["gpu1"], "_meta": {{"hostvars": {variables}}}}}\'\n')
    script.chmod(0o755)
    assert parts(hosts.plan(hosts="inventory.sh")) == {"gpu1": ("10.0.0.11", True, 1, "")}


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ("[gateways:children]\nnope\n", "Section [gateways:children] includes undefined group 'nope'"),
        ("gpu1 what is this\n", "Expected key=value host variable assignment, got: what"),
        ("[engines]\n", "names no host"),
        ("gpu/1\n", "gpu/1 cannot be the name of a host"),
        ("gpü\n", "gpü cannot be the name of a host"),
    ],
)
def test_a_bad_inventory_is_exit_3_with_ansibles_reason(hosts: Hosts, content: str, reason: str) -> None:
    (hosts.folder / "inventory").write_text(content)
    result = hosts.run(hosts="inventory")
    assert result.exit_code == 3, result.stderr
    assert reason in result.stderr


def test_a_script_that_fails_is_exit_3_with_its_code(hosts: Hosts) -> None:
    script = hosts.folder / "inventory.sh"
    script.write_text("#!/bin/sh\nexit 3\n")
    script.chmod(0o755)
    result = hosts.run(hosts="inventory.sh")
    assert result.exit_code == 3
    assert "Inventory script returned non-zero exit code 3" in result.stderr


def test_any_bytes_are_exit_3(hosts: Hosts) -> None:
    (hosts.folder / "inventory").write_bytes(bytes(range(256)) * 8)
    result = hosts.run(hosts="inventory")
    assert result.exit_code == 3, result.stderr


@pytest.mark.parametrize("kind", ["winrm", "docker", "community.docker.docker", "paramiko_ssh"])
def test_connections_other_than_ssh_are_refused(hosts: Hosts, kind: str) -> None:
    answering(hosts)
    (hosts.folder / "inventory").write_text(INI.replace("[gateways]", f"win ansible_connection={kind}\n\n[gateways]"))
    result = hosts.run(hosts="inventory")
    assert result.exit_code == 0, result.stderr
    assert f"ansible_connection is {kind}, and only ssh and local are known here" in result.stderr


def listing(**groups: Any) -> dict[str, Any]:
    return {"all": {"children": sorted(groups)}, **groups}


def test_a_host_of_several_groups_is_there_once() -> None:
    found = hosts_of(listing(engines={"hosts": ["a", "b"]}, gateways={"hosts": ["a"]}, other={"hosts": ["b"]}))
    assert [(host.name, host.engine, host.gateway) for host in found] == [("a", True, True), ("b", True, False)]


def test_without_our_groups_all_are_engines_and_the_first_is_the_gateway() -> None:
    found = hosts_of(listing(web={"children": ["east"]}, east={"hosts": ["a", "b"]}))
    assert [(host.name, host.engine, host.gateway) for host in found] == [("a", True, True), ("b", True, False)]


def test_all_variables_are_kept_for_ansible() -> None:
    variables = {"ansible_become_method": "su", "site": "fra"}
    (host,) = hosts_of({**listing(engines={"hosts": ["a"]}), "_meta": {"hostvars": {"a": variables}}})
    assert host.variables == variables


def test_this_machine_needs_no_ssh() -> None:
    local = {"ansible_connection": "local"}
    (host,) = hosts_of({**listing(engines={"hosts": ["a"]}), "_meta": {"hostvars": {"a": local}}})
    assert host.local
    assert not host.refused
