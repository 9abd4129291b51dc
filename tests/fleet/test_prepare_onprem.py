"""`llmdeploy prepare --target onprem --hosts ...` as its user sees it, over a fake_ssh."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from llmdeploy.plan import Plan
from tests.engines.test_vllm import write_config

from .conftest import Hosts
from .documents import GIB, gpus


def test_two_hosts_become_a_plan_with_a_part_each(hosts: Hosts) -> None:
    hosts.many(2)
    plan = hosts.plan()
    assert [(part["name"], part["gateway"], part["replicas"]) for part in plan["hosts"]] == [
        ("host1", True, 1),
        ("host2", False, 1),
    ]
    assert (plan["target"], plan["host"], plan["machines"], plan["replicas"]) == ("onprem", "host1", 2, 2)
    assert plan["price_per_month"] == 0
    assert plan["port_block"] > 0


def test_the_plan_is_the_same_after_a_round_trip_through_json(hosts: Hosts) -> None:
    hosts.many(2, numa=["0-15", "16-31"])
    plan = hosts.plan()
    read = Plan.from_json(plan)
    assert read.hosts[0].cpus == ("0-15", "16-31")
    assert (read.digest, Plan.from_json(read.as_json())) == (plan["digest"], read)


def test_a_second_prepare_decides_the_same(hosts: Hosts) -> None:
    hosts.many(3)
    first = hosts.plan()["digest"]
    hosts.answer("host2", memory__available=90 * GIB, disk__store=480 * GIB)
    assert hosts.plan()["digest"] == first


def test_each_host_is_told_of_in_one_line(hosts: Hosts) -> None:
    hosts.many(2)
    told = hosts.run().stderr
    assert "Debian GNU/Linux 12 (bookworm), 32 cores, 100.0 of 128.0 GiB memory free" in told
    assert "not compared: hosts.yaml says where it runs" in told


def test_a_gpu_is_never_left_idle_in_silence(hosts: Hosts) -> None:
    hosts.many(2)
    hosts.answer("host2", gpus=gpus(1), pci_gpus=1)
    assert "GPUs of host2 are not used: llamacpp as installed computes on the CPU" in hosts.plan()["warnings"]


def test_options_of_the_file_reach_ssh(hosts: Hosts) -> None:
    hosts.answer("10.0.0.7")
    hosts.listed(
        "{name: gpu1, address: 10.0.0.7, user: root, port: 2022, identity: keys/gpu1}",
        ssh="{known_hosts: known, user: ops}",
    )
    hosts.plan()
    (call,) = hosts.calls()
    folder = hosts.folder
    assert f"-o UserKnownHostsFile={folder}/known -o StrictHostKeyChecking=yes" in call
    assert f"-l root -p 2022 -i {folder}/keys/gpu1 -- 10.0.0.7" in call
    assert "-o BatchMode=yes" in call


def test_a_missing_list_is_exit_3_with_its_path(hosts: Hosts) -> None:
    result = hosts.run(hosts="nowhere.yaml")
    assert result.exit_code == 3
    assert f"{hosts.folder}/nowhere.yaml does not exist" in result.stderr
    assert "hint: name your list of machines" in result.stderr


@pytest.mark.parametrize("content", [b"\xff\xfe\x00", b"", b"hosts: 5\n", b"{{{", b"hosts: [{name: a}, {name: a}]\n"])
def test_a_list_that_is_none_is_exit_3(hosts: Hosts, content: bytes) -> None:
    (hosts.folder / "hosts.yaml").write_bytes(content)
    result = hosts.run()
    assert result.exit_code == 3, result.stdout + result.stderr
    assert "Traceback" not in result.stderr


def test_one_host_that_is_off_is_left_out_and_named(hosts: Hosts) -> None:
    hosts.many(3)
    hosts.act("host3", 'echo "ssh: connect to host host3 port 22: Connection timed out" >&2; exit 255')
    result = hosts.run()
    assert result.exit_code == 0
    assert "left out: SSH: ssh: connect to host host3 port 22: Connection timed out" in result.stderr


def test_a_host_that_is_off_now_keeps_the_part_that_it_had(hosts: Hosts) -> None:
    hosts.many(3)
    before = hosts.plan()
    hosts.act("host3", "exit 255")
    after = hosts.plan()
    assert after["digest"] == before["digest"]
    assert [part["name"] for part in after["hosts"]] == ["host1", "host2", "host3"]


FAULTS = {
    "host2": ("exit 91", "there is no python3"),
    "host3": ("exit 92", "this user may not use sudo without a password"),
    "host4": ("echo 'Host key verification failed.' >&2; exit 255", "SSH: Host key verification failed."),
    "host5": ("echo Welcome; echo {}", "does its shell print something at login?"),
    "host6": ("exit 255", "SSH: the connection was lost"),
    "host7": ("echo 'Traceback' >&2; echo 'OSError: no /proc' >&2; exit 1", "OSError: no /proc"),
}


def test_more_that_are_off_than_allowed_is_exit_4_with_every_reason(hosts: Hosts) -> None:
    hosts.many(8)
    for name, (shell, _) in FAULTS.items():
        hosts.act(name, shell)
    result = hosts.run()
    assert result.exit_code == 4
    assert "6 of 8 hosts cannot be taken, and hosts.max_unavailable is 1" in result.stderr
    assert "hint: mend them" in result.stderr
    for name, (_, reason) in FAULTS.items():
        assert any(name in line and reason in line for line in result.stderr.splitlines()), (name, result.stderr)
    assert not (hosts.folder / ".llmdeploy/llmdeploy/plan.json").exists()


def test_as_many_may_be_off_as_the_spec_says(hosts: Hosts) -> None:
    hosts.many(8)
    for name, (shell, _) in FAULTS.items():
        hosts.act(name, shell)
    (hosts.folder / "llmdeploy.yaml").write_text("hosts: {max_unavailable: 6}\n")
    assert hosts.run().exit_code == 0


def test_no_host_that_is_fit_is_exit_4(hosts: Hosts) -> None:
    hosts.many(1, python="3.9.2")
    result = hosts.run()
    assert result.exit_code == 4
    assert "no host is fit: host1: its python3 is 3.9, and 3.11 to 3.14 are needed" in result.stderr


def test_a_model_that_fits_nowhere_is_exit_4_with_the_figures(hosts: Hosts) -> None:
    hosts.many(1, memory__available=1 * GIB, memory__total=2 * GIB)
    result = hosts.run("--model", "qwen3-8b")
    assert result.exit_code == 4
    assert "GiB" in result.stderr


def test_noise_on_standard_error_does_no_harm(hosts: Hosts) -> None:
    hosts.many(1)
    text = (hosts.answers / "host1.json").read_text()
    (hosts.answers / "banner.json").write_text(text)
    hosts.act("host1", 'echo "*** Authorised use only ***" >&2; address=banner; unset x; '
              'exec sed "s/\\"time\\": [0-9.]*/\\"time\\": $(date +%s)/" "$FAKE_SSH_ANSWERS/banner.json"')  # fmt: skip
    assert hosts.plan()["machines"] == 1


def test_a_thousand_hosts_are_planned_within_a_minute(hosts: Hosts) -> None:
    """scripts/bench/thousand_hosts.py measures it; here it must only not take the time of one after another."""
    hosts.many(1000)
    begun = time.monotonic()
    plan = hosts.plan("--name", "many")
    assert time.monotonic() - begun < 60
    assert (plan["machines"], plan["replicas"]) == (1000, 1000)


def test_the_state_is_private(hosts: Hosts) -> None:
    hosts.many(1)
    hosts.plan()
    folder = hosts.folder / ".llmdeploy"
    private: list[Path] = [path for path in folder.rglob("*") if path.stat().st_mode & 0o077 and path.is_file()]
    assert folder.stat().st_mode & 0o077 == 0
    assert [path.name for path in private if path.name == "fleet.json"] == []


@pytest.mark.parametrize(
    ("field", "content", "reason"),
    [
        ("certificate", None, "cannot be read: No such file or directory"),
        ("certificate", "-----BEGIN CERTIFICATE-----\n", "does not hold a certificate and a private key"),
        ("acme_email: a@b.c, public_name: x.y, acme_authority", None, "cannot be read: No such file or directory"),
        ("acme_email: a@b.c, public_name: x.y, acme_authority", "none\n", "does not hold a certificate"),
        ("alert_webhook", None, "cannot be read: No such file or directory"),
        ("alert_webhook", "\n", "does not hold an address"),
        ("alert_webhook", "https://one\nhttps://two\n", "does not hold an address"),
    ],
)
def test_a_file_of_the_spec_that_is_not_there_is_exit_3(
    hosts: Hosts, field: str, content: str | None, reason: str
) -> None:
    hosts.many(1)
    (hosts.folder / "llmdeploy.yaml").write_text(f"hosts: {{{field}: own.pem}}\n")
    if content is not None:
        (hosts.folder / "own.pem").write_text(content)
    result = hosts.run()
    assert result.exit_code == 3
    assert f"hosts.{field.split()[-1]}: {hosts.folder}/own.pem {reason}" in result.stderr


MAIL = "to: a@b, sender: c@d, server: 'e:25', user: u, password_file: word, authority: ca.pem"


@pytest.mark.parametrize(
    ("word", "authority", "reason"),
    [
        (None, "BEGIN CERTIFICATE", "alert_mail.password_file: {}/word cannot be read"),
        ("", "BEGIN CERTIFICATE", "alert_mail.password_file: {}/word does not hold one line with a password"),
        ("two\nlines\n", "BEGIN CERTIFICATE", "alert_mail.password_file: {}/word does not hold one line"),
        ("good\n", "nothing", "alert_mail.authority: {}/ca.pem does not hold a certificate"),
    ],
)
def test_a_mail_whose_files_are_wrong_is_exit_3(hosts: Hosts, word: str | None, authority: str, reason: str) -> None:
    hosts.many(1)
    (hosts.folder / "llmdeploy.yaml").write_text(f"hosts: {{alert_mail: {{{MAIL}}}}}\n")
    (hosts.folder / "ca.pem").write_text(authority)
    if word is not None:
        (hosts.folder / "word").write_text(word)
    result = hosts.run()
    assert result.exit_code == 3
    assert f"hosts.{reason.format(hosts.folder)}" in result.stderr
    assert "good" not in result.stderr


def test_vllm_on_processors_is_told_of(hosts: Hosts) -> None:
    write_config(hosts.folder / "tiny")
    hosts.many(1)
    plan = hosts.plan("--engine", "vllm", "--model", "./tiny")
    assert "vLLM computes on the processors of host1, which have no GPU: that is slow" in plan["warnings"]


def test_a_host_without_a_gpu_beside_one_with_is_left_out(hosts: Hosts) -> None:
    write_config(hosts.folder / "tiny")
    hosts.many(2)
    hosts.answer("host1", pci_gpus=1, gpus=gpus(1))
    plan = hosts.plan("--model", "./tiny")
    assert [one["name"] for one in plan["hosts"] if one["replicas"]] == ["host1"]


def test_an_image_for_a_model_that_llama_cpp_serves_is_exit_3(hosts: Hosts) -> None:
    hosts.many(1)
    (hosts.folder / "llmdeploy.yaml").write_text(f"hosts: {{image: 'vllm@sha256:{'0' * 64}'}}\n")
    result = hosts.run()
    assert result.exit_code == 3
    assert "hosts.image: an image is for vLLM, and demo is gguf, which llamacpp serves out of wheels" in result.stderr
    assert "hint: remove it" in result.stderr


def test_an_image_without_its_digest_is_exit_3(hosts: Hosts) -> None:
    hosts.many(1)
    (hosts.folder / "llmdeploy.yaml").write_text("hosts: {image: 'vllm/vllm-openai:latest'}\n")
    result = hosts.run()
    assert result.exit_code == 3
    assert "hint: write NAME@sha256:DIGEST" in result.stderr
