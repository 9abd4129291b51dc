"""`hosts.yaml`: what is taken, and what a person reads where something is wrong."""

from __future__ import annotations

import re
import time

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from llmdeploy.errors import SpecError
from llmdeploy.spec.hosts_file import HostsFile, is_hosts_file, parse_hosts

from .corpus import MALFORMED

FOREIGN = re.compile(r"pydantic|Input should|validation error|Traceback|<class|object at 0x")
MANY = settings(deadline=None, max_examples=150, suppress_health_check=list(HealthCheck))
FULL = """\
ssh:
  user: ops
  port: 2222
  identity: ~/.ssh/id_ed25519
  config: ssh_config
  known_hosts: known_hosts
hosts:
  - name: gpu1
    address: 10.0.0.11
    user: root
    port: 22
    identity: keys/gpu1
    role: both
    wave: canary
  - name: gpu2.example.org
  - {name: 10.0.0.13, role: gateway}
  - {name: gpu4, address: "fe80::4"}
"""


def outcome(text: str | bytes) -> HostsFile | SpecError:
    """The hosts or the error, whose problems are told properly; any other exception fails the test."""
    try:
        return parse_hosts(text, "hosts.yaml")
    except SpecError as refusal:
        error = refusal
    assert error.problems
    for problem in error.problems:
        assert problem.path
        assert f"{problem.path}{problem.message}{problem.hint}".isprintable()
        assert not FOREIGN.search(f"{problem.message} {problem.hint}")
        assert problem.line is None or problem.line >= 1
    return error


def told(text: str) -> list[tuple[str, str, int | None]]:
    error = outcome(text)
    assert isinstance(error, SpecError)
    return [(problem.path, problem.message, problem.line) for problem in error.problems]


def test_every_field_is_read() -> None:
    found = parse_hosts(FULL, "hosts.yaml")
    assert (found.ssh.user, found.ssh.port, found.ssh.config) == ("ops", 2222, "ssh_config")
    first = found.hosts[0]
    assert (first.name, first.address, first.user, first.port) == ("gpu1", "10.0.0.11", "root", 22)
    assert (first.identity, first.role, first.wave) == ("keys/gpu1", "both", "canary")
    assert [host.role for host in found.hosts] == ["both", "engine", "gateway", "engine"]
    assert [host.port for host in found.hosts[1:]] == [None, None, None]


def test_a_name_is_enough() -> None:
    assert [host.name for host in parse_hosts("hosts: [{name: gpu1}]", "hosts.yaml").hosts] == ["gpu1"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("hosts:\n  - name: a\n  - name: b\n  - name: a\n", ("hosts.2.name", "a is there twice", 4)),
        ("hosts:\n  - name: a\n    adress: b\n", ("hosts.0.adress", "unknown key", 3)),
        ("ssh:\n  usr: ops\nhosts: [{name: a}]\n", ("ssh.usr", "unknown key", 2)),
        ("hosts: [{name: a}]\ngroups: []\n", ("groups", "unknown key", 2)),
        ("hosts:\n  - address: 10.0.0.1\n", ("hosts.0.name", "is missing", 1)),
        ("ssh: {user: ops}\n", ("hosts", "is missing", None)),
        ("hosts: []\n", ("hosts", "names no machine", None)),
        ("hosts: 5\n", ("hosts", "5 is not what stands here", 1)),
        ("hosts:\n  - gpu1\n", ("hosts.0", "gpu1 is not what stands here", 1)),
        ("ssh: ops\nhosts: [{name: a}]\n", ("ssh", "ops is not what stands here", 1)),
        ("hosts:\n  - name: ../a\n", ("hosts.0.name", "../a is not a host's name", 2)),
        ("hosts:\n  - name: a.\n", ("hosts.0.name", "a. is not a host's name", 2)),
        ("hosts:\n  - name: a\n    port: 99999\n", ("hosts.0.port", "99999 is more than 65535", 3)),
        ("hosts:\n  - name: a\n    user: Bob\n", ("hosts.0.user", "Bob is not a user name", 3)),
        ("hosts:\n  - name: a\n    role: master\n", ("hosts.0.role", "master is not one of the choices", 3)),
        ("hosts:\n  - name: a\n    wave: First Wave\n", ("hosts.0.wave", "First Wave is not a wave", 3)),
        (
            "hosts:\n  - name: a\n    address: http://a\n",
            ("hosts.0.address", "http://a is not an address or a host name", 3),
        ),
        ("ssh:\n  port: 0\nhosts: [{name: a}]\n", ("ssh.port", "0 is less than 1", 2)),
        ("hosts:\n  - name: a\n    name: b\n", ("hosts.0.name", "is written twice, in lines 2 and 3", 3)),
        ("hosts: [{name: a}]\n---\nhosts: []\n", ("spec", "a second document begins here", 2)),
    ],
)
def test_what_is_wrong_is_told_with_its_line(text: str, expected: tuple[str, str, int | None]) -> None:
    assert expected in told(text)


def test_every_problem_is_told_at_once() -> None:
    text = "hosts:\n  - {name: a, port: 0}\n  - {name: b, user: B}\n  - {name: c, rol: engine}\n"
    assert [line for _, _, line in told(text)] == [2, 3, 4]


def test_the_hint_names_the_keys() -> None:
    error = outcome("hosts:\n  - {name: a, hostname: b}\n")
    assert isinstance(error, SpecError)
    assert error.problems[0].hint == "the keys here are name, address, user, port, identity, role, wave"


def test_a_thousand_hosts_with_every_field_are_read_soon() -> None:
    line = "  - {{name: edge{0}, address: 10.1.0.1, user: ops, port: 22, identity: key, role: engine, wave: w}}\n"
    begun = time.process_time()
    found = parse_hosts("hosts:\n" + "".join(line.format(number) for number in range(3000)), "hosts.yaml")
    assert len(found.hosts) == 3000
    assert time.process_time() - begun < 10


@pytest.mark.parametrize("name", MALFORMED)
def test_malformed_specs_are_no_hosts_either(name: str) -> None:
    assert isinstance(outcome(MALFORMED[name]), SpecError)


@MANY
@given(st.binary(max_size=300) | st.text(max_size=300))
def test_any_bytes_end_as_an_error_in_our_words(content: bytes | str) -> None:
    outcome(content)


WORDS = (
    "hosts:",
    "- ",
    "name: a",
    "ssh:",
    "{",
    "}",
    "[",
    "]",
    "\n",
    "  ",
    "port: ",
    "0x10",
    "&a",
    "*a",
    "!!int",
    "'",
    ":",
)


@MANY
@given(st.lists(st.sampled_from(WORDS), max_size=25).map("".join))
def test_any_words_of_the_format_end_as_hosts_or_an_error(text: str) -> None:
    outcome(text)


@pytest.mark.parametrize(
    ("text", "ours"),
    [
        ("hosts:\n  - name: a\n", True),
        ("ssh: {user: ops}\nhosts: []\n", True),
        ("hosts: 5\n", True),
        ("", True),
        ("- name: a\n", True),
        ("{{{\n", True),
        ("all:\n  hosts:\n    a: {}\n", False),
        ("engines:\n  hosts: {a: , b: }\ngateways:\n  hosts: {a: }\n", False),
        ("all: {hosts: {a: {ansible_password: !vault x}}}\n", False),
        ("all: {hosts: {a: &one {ansible_port: 22}, b: *one}}\n", False),
    ],
)
def test_hosts_files_are_told_from_ansible_inventories(text: str, ours: bool) -> None:
    assert is_hosts_file(text, "hosts.yaml") is ours
