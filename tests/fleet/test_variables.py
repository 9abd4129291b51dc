"""What the controller writes for roles, against what the roles say that they take: both ways."""

from __future__ import annotations

import json
import re
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator

from llmdeploy.fleet.alone import pulls
from llmdeploy.fleet.inventory import ROLES, inventory_of
from llmdeploy.fleet.variables import Fleet, variables_of
from llmdeploy.plan import HostPlan
from tests.checkout import ROOT
from tests.engines.test_vllm import write_config

from .conftest import Hosts
from .documents import DEBIAN_13, GIB, gpus
from .fleets import fleet

PLAYBOOKS = ROOT / "playbooks"
TYPES: dict[str, tuple[type, ...]] = {
    "str": (str,), "path": (str,), "int": (int,), "float": (int, float), "bool": (bool,), "list": (list,),
    "dict": (dict,), "raw": (object,),
}  # fmt: skip
FRONT = ("{name: front, role: gateway}", "{name: back, role: gateway}", "{name: host1}", "{name: host2}")

MAIL = """\
hosts:
  alert_mail: {to: ops@example.org, sender: llm@example.org, server: "smtp.example.org:587", user: llm,
    password_file: mail.password}
"""


IMAGE = f"docker.io/vllm/vllm-openai@sha256:{'0' * 64}"


def options(role: str) -> dict[str, Any]:
    text = (PLAYBOOKS / "roles" / role / "meta/argument_specs.yml").read_text("utf-8")
    found: dict[str, Any] = yaml.safe_load(text)["argument_specs"]["main"]["options"]
    return found


SPECS = {role: options(role) for role in ROLES}


def webhook(hosts: Hosts) -> Path:
    path = hosts.folder / "webhook"
    path.write_text("https://chat.example.org/hook/planted-secret\n")
    return path


def shapes(hosts: Hosts) -> list[tuple[Fleet, HostPlan]]:
    """Every kind of host: engine and gateway in one, apart, alone; with each setting that adds variables."""
    found = []
    for index, (lines, spec) in enumerate(
        [
            (("{name: front}",), ""),
            (("{name: front, role: both}", "{name: host1}"), "access: {port: 443}\n"),
            (
                FRONT,
                "hosts: {virtual_address: 10.0.0.100, acme_email: ops@example.org, public_name: llm.test, "
                "acme_directory: 'https://acme.test/dir', acme_authority: cert.pem}\n",
            ),
            (FRONT, f"{MAIL}  certificate: cert.pem\n  rate: 10\n"),
            (FRONT, "model: ./tiny\n"),
            (FRONT, "model: ./tiny\n"),
            (FRONT, f"model: ./tiny\nhosts: {{image: {IMAGE}}}\n"),
        ]
    ):
        more_facts: dict[str, Any] = {"pci_gpus": 2, "gpus": gpus(2)} if index >= 5 else {}
        more_facts |= {"os": DEBIAN_13} if "image" in spec else {}
        for name in ("front", "back", "host1", "host2"):
            hosts.answer(name, numa=["0-15", "16-31"] if index else ["0-31"], **more_facts)
        hosts.listed(*lines)
        if "tiny" in spec and not (hosts.folder / "tiny").exists():
            write_config(hosts.folder / "tiny")
        certificate = hosts.folder / "cert.pem"
        certificate.write_text("-----BEGIN CERTIFICATE-----\n-----BEGIN PRIVATE KEY-----\n")
        (hosts.folder / "llmdeploy.yaml").write_text(spec)
        (hosts.folder / "mail.password").write_text("planted-secret\n")
        names = [name for name in ("certificate", "acme_authority") if f"{name}: cert.pem" in spec]
        more = dict.fromkeys(names, certificate)
        if MAIL in spec:
            more |= {"mail_password": hosts.folder / "mail.password", "mail_authority": certificate}
        made = fleet(hosts, webhook=webhook(hosts) if index else None, **more)
        found += [(made, host) for host in made.planned()]
    return found


def role_of(key: str) -> str:
    return max((role for role in ROLES if key.startswith(f"{role}_")), key=len, default="")


def wrong_types(value: Any, spec: dict[str, Any], place: str) -> list[str]:
    """Ansible turns "5" into 5 and 5 into "5"; we write what is asked for."""
    wanted = TYPES[spec.get("type", "str")]
    if not isinstance(value, wanted) or (isinstance(value, bool) and spec.get("type") in ("int", "float")):
        return [f"{place} is {value!r}, and {spec['type']} is wanted"]
    if isinstance(value, list) and "elements" in spec:
        inner = {**spec, "type": spec["elements"], "elements": "raw"}
        return [line for index, one in enumerate(value) for line in wrong_types(one, inner, f"{place}.{index}")]
    if isinstance(value, dict) and "options" in spec:
        unknown = [f"{place}.{key} is unknown" for key in value if key not in spec["options"]]
        known = {key: one for key, one in value.items() if key in spec["options"]}
        return unknown + [
            line for key, one in known.items() for line in wrong_types(one, spec["options"][key], f"{place}.{key}")
        ]
    return []


def test_every_variable_belongs_to_a_role_and_has_the_type_that_it_asks_for(hosts: Hosts) -> None:
    wrong = []
    for made, host in shapes(hosts):
        for key, value in variables_of(made, host).items():
            known = SPECS.get(role_of(key), {})
            wrong += wrong_types(value, known[key], key) if key in known else [f"{key} is in no role's specs"]
    assert sorted(set(wrong)) == []


def test_roles_take_what_is_written_and_miss_nothing(hosts: Hosts) -> None:
    """As Ansible validates it before a role's first task: required options, choices, forms of the inner values."""
    wrong = []
    for made, host in shapes(hosts):
        variables = variables_of(made, host)
        for role, spec in SPECS.items():
            if (role == "engine" and not host.replicas) or (role == "pull_agent" and not pulls(made.plan)):
                continue
            given = {key: value for key, value in variables.items() if key in spec}
            wrong += [f"{role}: {text}" for text in ArgumentSpecValidator(spec).validate(given).error_messages]
    assert sorted(set(wrong)) == []


def test_gateways_know_each_other_and_the_authority(hosts: Hosts) -> None:
    made = next(one for one, _ in shapes(hosts) if one.acme_authority)
    by_name = {host.name: variables_of(made, host) for host in made.planned()}
    front, back = by_name["front"], by_name["back"]
    assert [peer["name"] for peer in front["gateway_peers"] + back["gateway_peers"]] == ["back", "front"]
    assert front["gateway_virtual_priority"] > back["gateway_virtual_priority"]
    assert front["gateway_acme"] == {
        "email": "ops@example.org", "domain": "llm.test", "directory_url": "https://acme.test/dir"
    }  # fmt: skip
    assert front["gateway_acme_authority_source"] == str(made.acme_authority)
    (prober,) = [one for one in front["metrics_probers"] if one["name"] == "gateway"]
    (asked,) = [one["config"] for one in prober["watched"]]
    assert asked["url"] == "https://llm.test:8080"
    assert asked["ca_file"] == "/etc/llmdeploy/demo/tls/acme-authority.pem"
    assert "/etc/llmdeploy/demo/tls/public/*.pem" in front["metrics_certificates"]
    assert "/etc/llmdeploy/demo/tls/public/*.pem" not in by_name["host1"]["metrics_certificates"]
    assert {80, 8080} == set(front["hardening_public_ports"])
    assert by_name["host1"]["hardening_public_ports"] == []


def test_a_host_before_its_model_is_there_gets_no_engine(hosts: Hosts) -> None:
    hosts.many(1)
    made = fleet(hosts, model=False)
    assert not [key for key in variables_of(made, made.planned()[0]) if role_of(key) == "engine"]


def test_groups_are_the_parts_of_the_hosts(hosts: Hosts) -> None:
    for name in ("front", "back", "host1", "host2"):
        hosts.answer(name)
    hosts.listed(*FRONT)
    children = inventory_of(fleet(hosts), PLAYBOOKS)["all"]["children"]
    assert {group: list(content["hosts"]) for group, content in children.items()} == {
        "engines": ["host1", "host2"],
        "gateways": ["front", "back"],
        "monitors": ["front"],
    }


def test_a_host_that_is_off_is_left_out_and_still_known_to_the_others(hosts: Hosts) -> None:
    hosts.many(3)
    hosts.plan("--name", "demo")
    hosts.act("host3", "exit 255")
    inventory = inventory_of(fleet(hosts), PLAYBOOKS)["all"]
    assert list(inventory["hosts"]) == ["host1", "host2"]
    assert {one["host"] for one in inventory["hosts"]["host1"]["gateway_members"]} == {"host1", "host2", "host3"}


def test_every_engine_of_a_host_is_probed_by_one_process_on_ports_of_its_own(hosts: Hosts) -> None:
    hosts.many(2, numa=["0-15", "16-31"])
    made = fleet(hosts)
    variables = variables_of(made, made.planned()[1])
    (prober,) = variables["metrics_probers"]
    assert [one["name"] for one in prober["watched"]] == ["engine-0", "engine-1"]
    units = [one["config"]["unit"] for one in prober["watched"]]
    assert units == ["llmdeploy-demo-engine-0.service", "llmdeploy-demo-engine-1.service"]
    served = [(one["engine_port"], one["prober_port"]) for one in variables["gateway_inner"]]
    probed = [(int(one["config"]["url"].rpartition(":")[2]), one["config"]["port"]) for one in prober["watched"]]
    assert served == probed
    monitor = variables_of(made, made.planned()[0])
    assert [one["probers"] for one in monitor["metrics_targets"]] == [[0, 1], [0, 1]]


def test_engines_of_a_host_share_the_disk_of_the_history(hosts: Hosts) -> None:
    (hosts.folder / "llmdeploy.yaml").write_text("monitor: {history: 40MiB}\n")
    hosts.many(1, numa=["0-7", "8-15", "16-23", "24-31"])
    made = fleet(hosts)
    watched = variables_of(made, made.planned()[0])["metrics_probers"][0]["watched"]
    assert [one["config"]["history_bytes"] for one in watched] == [10 * 2**20] * 4


def test_a_mail_goes_to_the_role_with_its_password_as_a_file(hosts: Hosts) -> None:
    (hosts.folder / "llmdeploy.yaml").write_text(MAIL)
    password = hosts.folder / "mail.password"
    password.write_text("planted-secret\n")
    hosts.many(1)
    made = fleet(hosts, mail_password=password)
    (mail,) = variables_of(made, made.planned()[0])["metrics_emails"]
    assert mail == {
        "to": "ops@example.org", "from": "llm@example.org", "smarthost": "smtp.example.org:587", "tls": True,
        "username": "llm", "password_source": str(password),
    }  # fmt: skip
    before = marks(made)
    assert "planted-secret" not in json.dumps(inventory_of(made, PLAYBOOKS))
    password.write_text("another\n")
    assert changed(before, marks(made)) == {"metrics"}


def test_a_plan_of_before_mail_gets_none(hosts: Hosts) -> None:
    hosts.many(1)
    made = fleet(hosts)
    settings = {key: value for key, value in made.plan.spec["hosts"].items() if key != "alert_mail"}
    old = replace(made, plan=replace(made.plan, spec={**made.plan.spec, "hosts": settings}))
    assert "metrics_emails" not in variables_of(old, old.planned()[0])


def test_no_secret_is_in_the_inventory(hosts: Hosts) -> None:
    hosts.many(2)
    made = fleet(hosts, webhook=webhook(hosts))
    text = json.dumps(inventory_of(made, PLAYBOOKS))
    files = [made.secrets.key, made.secrets.engine_key, made.secrets.key_hashes, made.secrets.prober_key]
    for path in files:
        assert str(path) in text or path == made.secrets.key
        assert path.read_text().strip() not in text
    assert "planted-secret" not in text
    assert not re.search(r"PRIVATE KEY|ld-[A-Za-z0-9_-]{20}", text)


def test_connection_variables_of_the_owner_are_passed_on(hosts: Hosts) -> None:
    hosts.answer("10.0.0.7")
    hosts.listed("{name: gpu1, address: 10.0.0.7, port: 2022, user: root}")
    written = inventory_of(fleet(hosts), PLAYBOOKS)["all"]["hosts"]["gpu1"]
    expected = {"ansible_host": "10.0.0.7", "ansible_port": 2022, "ansible_user": "root"}
    assert {key: written[key] for key in expected} == expected


def marks(made: Fleet, playbooks: Path = PLAYBOOKS, host: str = "host1") -> dict[str, str]:
    found: dict[str, str] = inventory_of(made, playbooks)["all"]["hosts"][host]["llmdeploy_fingerprints"]
    return found


def changed(before: dict[str, str], after: dict[str, str]) -> set[str]:
    assert set(before) == set(after) == set(ROLES)
    return {role for role in ROLES if before[role] != after[role]}


def test_fingerprints_stay_where_nothing_changed(hosts: Hosts) -> None:
    hosts.many(2)
    before = marks(fleet(hosts))
    hosts.answer("host1", memory__available=90 * 2**30, time=1.0)
    assert changed(before, marks(fleet(hosts))) == set()


def test_a_setting_changes_the_fingerprints_of_the_roles_that_read_it(hosts: Hosts) -> None:
    hosts.many(2)
    before = marks(fleet(hosts))
    (hosts.folder / "llmdeploy.yaml").write_text("hosts: {rate: 7}\n")
    assert changed(before, marks(fleet(hosts))) == {"gateway"}


@pytest.mark.parametrize(
    ("secret", "roles"), [("engine_key", {"gateway", "engine"}), ("key_hashes", {"gateway"}), ("gateway", {"gateway"})]
)
def test_what_is_in_a_secret_file_counts(hosts: Hosts, secret: str, roles: set[str]) -> None:
    hosts.many(2)
    made = fleet(hosts)
    before = marks(made)
    getattr(made.secrets, secret).write_text("another\n")
    assert changed(before, marks(made)) == roles


def copied(folder: Path) -> Path:

    return Path(shutil.copytree(PLAYBOOKS, folder / "playbooks", ignore=shutil.ignore_patterns("__pycache__")))


def test_a_changed_role_runs_again_and_the_others_do_not(hosts: Hosts, tmp_path: Path) -> None:
    hosts.many(2)
    made, playbooks = fleet(hosts), copied(tmp_path)
    before = marks(made, playbooks)
    assert changed(before, marks(made)) == set()
    with (playbooks / "roles/engine/tasks/run.yml").open("a") as file:
        file.write("\n# changed\n")
    assert changed(before, marks(made, playbooks)) == {"engine"}


def test_changed_modules_have_every_role_run_again(hosts: Hosts, tmp_path: Path) -> None:
    hosts.many(2)
    made, playbooks = fleet(hosts), copied(tmp_path)
    before = marks(made, playbooks)
    next((playbooks / "collections").rglob("receipt.py")).write_text("# changed\n")
    assert changed(before, marks(made, playbooks)) == set(ROLES)


def test_variables_of_engine_runtime_are_not_those_of_engine(hosts: Hosts) -> None:
    hosts.many(1)
    made = fleet(hosts)
    before = marks(made)

    other = replace(made, bundle=replace(made.bundle, keep=("c" * 24,), keep_wheels=("c" * 24,)))
    assert changed(before, marks(other)) == {"engine_runtime", "model_store"}


def test_another_model_beside_what_runs_is_nothing_to_engine_runtime(hosts: Hosts) -> None:
    hosts.many(1)
    made = fleet(hosts)
    before = marks(made)

    other = replace(made, bundle=replace(made.bundle, keep=(*made.bundle.keep, "c" * 24)))
    assert changed(before, marks(other)) == {"model_store"}


def test_a_thorough_run_trusts_no_receipt(hosts: Hosts) -> None:
    hosts.many(1)
    written = inventory_of(fleet(hosts), PLAYBOOKS, thorough=True)["all"]["hosts"]["host1"]
    assert written["llmdeploy_fingerprints"] == {}


def test_every_shape_of_a_deployment_has_an_inventory(hosts: Hosts) -> None:
    """Among them two gateways that share an address: what is called a source is a file."""
    for made, host in shapes(hosts):
        assert set(inventory_of(made, PLAYBOOKS)["all"]["hosts"][host.name]["llmdeploy_marks"]) == set(ROLES)


def vllm(hosts: Hosts, spec: str = "", **changes: Any) -> tuple[Fleet, dict[str, Any]]:
    """A gateway and an engine host for vLLM, and what the engine host is told."""
    write_config(hosts.folder / "tiny")
    changes |= {"os": DEBIAN_13} if "image" in spec else {}
    hosts.answer("front")
    hosts.answer("host1", **changes)
    hosts.listed("{name: front, role: gateway}", "{name: host1}")
    (hosts.folder / "llmdeploy.yaml").write_text(f"model: ./tiny\n{spec}")
    made = fleet(hosts)
    return made, variables_of(made, next(host for host in made.planned() if host.replicas))


def test_vllm_has_an_environment_of_its_own_on_engine_hosts_alone(hosts: Hosts) -> None:
    made, found = vllm(hosts)
    tools, own = made.bundle.runtimes["host1"].digest, made.bundle.engines["host1"].digest
    assert (found["engine_runtime_artifact"], found["engine_runtime_engine_artifact"]) == (tools, own)
    assert {"libnuma1", "g++", "python3-dev"} <= set(found["engine_runtime_packages"])
    assert [one["digest"] for one in found["model_store_artifacts"]][:2] == [tools, own]
    argv = found["engine_replicas"][0]["argv"]
    assert argv[0] == f"/opt/llmdeploy/runtimes/{tools}/bin/python"
    assert argv[argv.index("--") + 1] == f"/opt/llmdeploy/runtimes/{own}/bin/python"
    assert own in found["engine_artifacts"]
    assert found["engine_compiles"] is True
    front = variables_of(made, made.gateways[0])
    assert own not in json.dumps(front)
    assert "engine_runtime_packages" not in front


def test_vllm_on_a_processor_gets_threads_and_cache_of_the_plan_and_no_gpu(hosts: Hosts) -> None:
    (replica,) = vllm(hosts)[1]["engine_replicas"]
    assert replica["gpus"] == []
    assert replica["env"]["VLLM_CPU_KVCACHE_SPACE"] == "1"
    assert GIB < replica["memory_max"] < 8 * GIB
    assert "--gpu-memory-utilization" not in replica["argv"]


def test_vllm_on_gpus_has_one_engine_for_each_and_memory_to_load_the_weights(hosts: Hosts) -> None:
    found = vllm(hosts, pci_gpus=2, gpus=gpus(2))[1]
    assert [one["env"]["CUDA_VISIBLE_DEVICES"] for one in found["engine_replicas"]] == ["0", "1"]
    assert [one["memory_max"] for one in found["engine_replicas"]] == [int(128 * GIB * 0.8) // 2] * 2
    assert "engine_way" not in found


def test_an_image_is_run_by_podman_with_the_servers_arguments_alone(hosts: Hosts) -> None:
    made, found = vllm(hosts, f"hosts: {{image: {IMAGE}}}\n", pci_gpus=1, gpus=gpus(1))
    assert (found["engine_way"], found["engine_runtime_way"]) == ("podman", "podman")
    assert found["engine_image"] == found["engine_runtime_image"] == IMAGE
    assert found["engine_replicas"][0]["argv"][0] == "--model"
    assert not made.bundle.engines
    assert "engine_runtime_engine_artifact" not in found


def test_another_image_is_another_plan_and_the_one_before_is_kept(hosts: Hosts) -> None:
    first, found = vllm(hosts, f"hosts: {{image: {IMAGE}}}\n")
    assert "engine_runtime_keep_images" not in found
    (hosts.folder / "llmdeploy.yaml").write_text(f"model: ./tiny\nhosts: {{image: {IMAGE[:-1]}1}}\n")
    second = fleet(hosts)
    assert first.plan.digest != second.plan.digest
    kept = replace(second, bundle=replace(second.bundle, keep_images=(IMAGE,)))
    assert variables_of(kept, kept.engines[0])["engine_runtime_keep_images"] == [IMAGE]


def test_a_start_of_vllm_may_take_the_time_to_compile_or_what_the_spec_says(hosts: Hosts) -> None:
    assert vllm(hosts)[1]["engine_ready_timeout"] == 900


def test_the_time_for_a_start_that_the_spec_gives_is_kept(hosts: Hosts) -> None:
    hosts.many(1)
    assert variables_of(made := fleet(hosts), made.planned()[0])["engine_ready_timeout"] == 300
    (hosts.folder / "llmdeploy.yaml").write_text("deploy: {timeout: 7m}\n")
    assert variables_of(made := fleet(hosts), made.planned()[0])["engine_ready_timeout"] == 420


def test_another_llmdeploy_leaves_the_environment_of_vllm_as_it_is(hosts: Hosts) -> None:
    """A change of our own wheel changes the digest of the tools alone: no gigabytes travel again."""
    made, found = vllm(hosts)
    other = replace(
        made,
        bundle=replace(
            made.bundle,
            runtimes={"front": made.bundle.engines["host1"]}
            | {"host1": replace(made.bundle.runtimes["host1"], files=made.bundle.runtimes["host1"].files[:1])},
        ),
    )
    after = variables_of(other, next(host for host in other.planned() if host.replicas))
    assert after["engine_runtime_artifact"] != found["engine_runtime_artifact"]
    assert after["engine_runtime_engine_artifact"] == found["engine_runtime_engine_artifact"]
