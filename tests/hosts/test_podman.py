"""An image run by podman on a Debian 13 host: fetched from a registry, served from, changed, taken back, and gone.

The image has a stand-in for vLLM (vllm_stand_in.py). The second host is the registry. The tests are one story, in the
order of the file.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from llmdeploy.adapters.http import healthy
from tests.hosts.fleet import Fleet, fleet
from tests.hosts.picture import differences, picture
from tests.hosts.service import Service, sections, within
from tests.safetensors_model import write_model

STAND_IN = Path(__file__).with_name("vllm_stand_in.py")
UNIT = "llmdeploy-demo-engine-0"
GOLDEN = "cases: [{name: any answer, prompt: one, expect: {max_latency: 60s}}]\n"
REGISTRY = """
set -e
mkdir -p vllm/entrypoints/openai
touch vllm/__init__.py vllm/entrypoints/__init__.py vllm/entrypoints/openai/__init__.py
cat >vllm/entrypoints/openai/api_server.py
export DEBIAN_FRONTEND=noninteractive
sudo -E apt-get -qq -o DPkg::Lock::Timeout=120 install -y --no-install-recommends podman docker-registry >/dev/null
printf 'version: 0.1\\nstorage: {filesystem: {rootdirectory: /var/lib/docker-registry}}\\nhttp: {addr: ":5000"}\\n' |
  sudo tee /etc/docker/registry/config.yml >/dev/null
sudo systemctl restart docker-registry
parts='bin lib lib64 sbin usr/bin usr/lib usr/lib64 usr/sbin etc/ld.so.cache'
sudo tar -C / --one-file-system -c $parts | sudo podman import --quiet - base >/dev/null
push() { # push TAG DOCKERFILE: prints the digest that the registry has
  printf "$2" | sudo podman build --quiet --file - --tag localhost:5000/vllm:$1 . >/dev/null
  sudo podman push --quiet --tls-verify=false --digestfile digest localhost:5000/vllm:$1
  cat digest; echo
}
push good 'FROM base\\nCOPY vllm /usr/lib/python3/dist-packages/vllm\\n'
push next 'FROM localhost:5000/vllm:good\\nLABEL release=next\\n'
push empty 'FROM base\\n'
"""
INSECURE = "[[registry]]\nlocation = '{registry}'\ninsecure = true\n"
FOLDER, SETTINGS = "/etc/containers/registries.conf.d", "/etc/containers/registries.conf.d/test.conf"


class Images:
    """Images of the registry by what they are: good, next, empty."""

    def __init__(self, hosts: Fleet) -> None:
        self.registry = f"{hosts.address('edge2')}:5000"
        said = hosts.run("edge2", REGISTRY, given=STAND_IN.read_text(), timeout=300)
        digests = [line for line in said.stdout.split() if line.startswith("sha256:")]
        self.good, self.next, self.empty = (f"{self.registry}/vllm@{digest}" for digest in digests)


@pytest.fixture(scope="module")
def hosts() -> Iterator[Fleet]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TH_SUITE", "trixie")
        patch.setenv("TH_DISK", "/var/lib/containers")  # podman has its layers on no overlay
        with fleet(2) as found:
            yield found


@pytest.fixture(scope="module")
def images(hosts: Fleet) -> Images:
    return Images(hosts)


@pytest.fixture(scope="module")
def service(hosts: Fleet, images: Images, tmp_path_factory: pytest.TempPathFactory) -> Service:
    folder = tmp_path_factory.mktemp("podman")
    write_model(folder / "tiny")
    (folder / "golden.yaml").write_text(GOLDEN)
    trust = f"sudo mkdir -p {FOLDER} && sudo tee {SETTINGS}"
    hosts.run("edge1", trust, given=INSECURE.format(registry=images.registry))
    return Service(folder, hosts, {"edge1": picture(hosts, "edge1")})


def use(service: Service, image: str) -> None:
    service.settings["image"] = image
    service.write(
        names=("edge1",),
        engine="vllm",
        model="./tiny",
        workload={"concurrency": 2, "prompt_tokens": 32, "output_tokens": 16},
        test={"golden": "golden.yaml", "load": {"duration": "1s"}},
    )


def there(service: Service) -> set[str]:
    """The images that podman has."""
    said = service.hosts.run("edge1", "sudo podman images --digests --format '{{.Repository}}@{{.Digest}}'")
    return set(said.stdout.split())


def container(service: Service, what: str) -> str:
    """What podman says of the container that serves: its ID or Image; empty where there is none."""
    shown = f"sudo podman ps --filter name={UNIT} --no-trunc --format '{{{{.{what}}}}}'"
    return service.hosts.run("edge1", shown).stdout.strip()


def test_one_command_serves_out_of_an_image(service: Service, images: Images) -> None:
    use(service, images.good)
    report = service.up()
    assert all(gate["passed"] for gate in sections(report, "test")["data"]["gates"])
    assert "stands in for vLLM" in service.llmdeploy("chat", "one the").stdout
    assert container(service, "Image") == images.good


def test_the_container_is_held_to_the_plan_and_to_least_rights(service: Service) -> None:
    plan = json.loads((service.state / "deployed.json").read_text())
    shown = service.hosts.run("edge1", f"systemctl show --property MemoryMax --value {UNIT}").stdout
    assert int(shown) == plan["hosts"][0]["memory_max"]
    inside = f"sudo podman exec {UNIT} sh -c"
    assert "CapEff:\t0000000000000000" in service.hosts.run("edge1", f"{inside} 'cat /proc/1/status'").stdout
    for folder in ("/", "/var/lib/llmdeploy/store"):
        refused = service.hosts.run("edge1", f"{inside} 'touch {folder}/x'", check=False)
        assert "Read-only file system" in refused.stderr, folder


def test_a_second_run_and_a_look_for_drift_find_nothing_to_do(service: Service) -> None:
    report = service.up()
    for step in ("setup", "deploy", "monitor"):
        assert sections(report, step)["data"]["hosts"]["edge1"]["changed"] == 0, step
    found = service.llmdeploy("drift")
    assert found.exit_code == 0, found.stdout + found.stderr


def test_no_secret_is_in_a_process_list_or_a_log(service: Service) -> None:
    look = "cat > k; sudo journalctl --no-pager -o cat | grep -cF -f k; ps -eo args | grep -cF -f k; rm k"
    secret = (service.state / "engine.key").read_text()
    assert service.hosts.run("edge1", look, check=False, given=secret).stdout.split() == ["0", "0"]


def test_an_engine_that_is_killed_comes_back(service: Service) -> None:
    before = container(service, "ID")
    service.hosts.run("edge1", f"sudo podman kill --signal KILL {UNIT}")
    within(60, lambda: container(service, "ID") not in ("", before) and healthy(service.endpoint))


def test_an_image_that_does_not_start_is_taken_back(service: Service, images: Images) -> None:
    use(service, images.empty)
    refused = service.llmdeploy("up", "-y")
    assert refused.exit_code == 5, refused.stderr
    assert "No module named 'vllm'" in refused.stderr
    assert "runs again on every host" in refused.stderr
    assert container(service, "Image") == images.good
    assert healthy(service.endpoint)


def test_another_image_is_tested_and_the_one_before_stays_for_a_rollback(service: Service, images: Images) -> None:
    use(service, images.next)
    report = service.up()
    assert all(gate["passed"] for gate in sections(report, "test")["data"]["gates"])
    assert container(service, "Image") == images.next
    assert there(service) == {images.good, images.next}
    assert service.llmdeploy("rollback").exit_code == 0
    assert container(service, "Image") == images.good


def test_down_leaves_the_host_as_it_was(service: Service) -> None:
    done = service.llmdeploy("down")
    assert done.exit_code == 0, done.stderr
    assert differences(service.before["edge1"], picture(service.hosts, "edge1")) == {}
    assert service.hosts.run("edge1", "sudo find /var/lib/containers -mindepth 1 | head -3").stdout == ""
