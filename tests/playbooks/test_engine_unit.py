"""The units that the role `engine` writes, rendered by Ansible itself."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

PLAYBOOKS = Path(__file__).parents[2] / "playbooks"
ROLE = PLAYBOOKS / "roles/engine"
REPLICA: dict[str, Any] = {
    "index": 0, "port": 8456, "argv": ["/opt/python", "-m", "server", "50%"], "env": {"A": "b c"},
    "memory_max": 4_000_000_000, "cpus": "", "gpus": [],
}  # fmt: skip
IMAGE = f"docker.io/vllm/vllm-openai@sha256:{'0' * 64}"


def rendered(folder: Path, **given: Any) -> str:
    """The unit of one replica, with these variables of the role."""
    given = {"engine_replicas": [REPLICA], **given}
    base = {"engine_deployment": "demo", "engine_model": "tiny", "engine_python": "/opt/tools/bin/python"}
    base["engine_key_source"] = "/dev/null"
    play = {
        "hosts": "localhost", "connection": "local", "gather_facts": False,
        "vars_files": [str(ROLE / "defaults/main.yml"), str(ROLE / "vars/main.yml"), str(folder / "given.json")],
        "tasks": [{
            "ansible.builtin.template": {
                "src": str(ROLE / "templates") + "/engine{{ _engine_suffix }}.j2", "dest": str(folder / "unit"),
            },
            "loop": "{{ _engine_units }}",
        }],
    }  # fmt: skip
    (folder / "given.json").write_text(json.dumps({**base, "ansible_python_interpreter": sys.executable, **given}))
    (folder / "play.yml").write_text(yaml.safe_dump([play]))
    world = {**os.environ, "ANSIBLE_CONFIG": str(PLAYBOOKS / "ansible.cfg"), "ANSIBLE_LOCALHOST_WARNING": "False"}
    command = [sys.executable, "-I", "-m", "ansible", "playbook", "-i", "localhost,", str(folder / "play.yml")]
    done = subprocess.run(command, env=world, cwd=folder, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr
    return (folder / "unit").read_text()


def settings(unit: str, name: str) -> list[str]:
    return [line.partition("=")[2] for line in unit.splitlines() if line.startswith(f"{name}=")]


@pytest.fixture(scope="module")
def vllm(tmp_path_factory: pytest.TempPathFactory) -> str:
    return rendered(tmp_path_factory.mktemp("vllm"), engine_compiles=True)


def test_what_vllm_compiles_is_kept_in_a_folder_of_its_own_that_goes_with_the_deployment(vllm: str) -> None:
    cache = "/var/lib/llmdeploy/demo/engine/cache-0"
    assert settings(vllm, "StateDirectory") == ["llmdeploy/demo/engine/cache-0"]
    given = dict(word.split("=", 1) for line in settings(vllm, "Environment") for word in line.split() if "/" in word)
    assert set(given) == {
        "HOME", "XDG_CACHE_HOME", "VLLM_CACHE_ROOT", "HF_HOME", "TORCHINDUCTOR_CACHE_DIR", "TRITON_CACHE_DIR",
    }  # fmt: skip
    assert all(value.startswith(cache) for value in given.values())
    assert cache.startswith("/var/lib/llmdeploy/demo/engine"), "the role says that it manages this folder"


def test_vllm_is_in_a_sandbox_without_devices_and_without_a_network(vllm: str) -> None:
    assert settings(vllm, "PrivateDevices") == ["yes"]
    assert settings(vllm, "IPAddressDeny") == ["any"]
    assert settings(vllm, "IPAddressAllow") == ["localhost"]
    assert settings(vllm, "CapabilityBoundingSet") == [""]
    assert settings(vllm, "MemoryMax") == ["4000000000"]
    assert settings(vllm, "MemoryDenyWriteExecute") == [], "PyTorch runs what it has compiled"


def test_vllm_on_a_gpu_gets_the_devices_of_nvidia_alone(tmp_path: Path) -> None:
    unit = rendered(tmp_path, engine_compiles=True, engine_replicas=[{**REPLICA, "gpus": ["1"]}])
    assert settings(unit, "DevicePolicy") == ["closed"]
    assert all("nvidia" in device for device in settings(unit, "DeviceAllow"))
    assert settings(unit, "PrivateDevices") == ["no"]
    assert settings(unit, "LimitMEMLOCK") == ["infinity"]


def test_llama_cpp_may_not_run_what_it_wrote(tmp_path: Path) -> None:
    unit = rendered(tmp_path)
    assert settings(unit, "MemoryDenyWriteExecute") == ["yes"]
    assert settings(unit, "StateDirectory") == []


def test_a_container_gets_the_arguments_of_the_server_and_its_key_from_a_file(tmp_path: Path) -> None:
    replica = {**REPLICA, "argv": ["--model", "/var/lib/llmdeploy/store/a"], "gpus": ["0"]}
    unit = rendered(tmp_path, engine_way="podman", engine_image=IMAGE, engine_compiles=True, engine_replicas=[replica])
    assert settings(unit, "Image") == [IMAGE]
    assert settings(unit, "Exec") == ['"--model" "/var/lib/llmdeploy/store/a"']
    assert settings(unit, "EnvironmentFile") == ["/etc/llmdeploy/demo/engine.env"]
    assert settings(unit, "AddDevice") == ["nvidia.com/gpu=0"]
    assert any("vllm.entrypoints.openai.api_server" in words for words in settings(unit, "PodmanArgs"))
    cache = "/var/lib/llmdeploy/demo/engine/cache-0"
    assert settings(unit, "Volume") == ["/var/lib/llmdeploy/store:/var/lib/llmdeploy/store:ro", f"{cache}:{cache}"]
    assert settings(unit, "StateDirectory") == ["llmdeploy/demo/engine/cache-0"]
    assert settings(unit, "IPAddressDeny") == ["any"]
