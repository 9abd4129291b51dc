"""From `bundle` to `up --bundle`: what is written is found where the steps look, and other versions are refused."""

from __future__ import annotations

import io
import json
from dataclasses import replace
from hashlib import sha256
from pathlib import Path

import pytest

from llmdeploy.adapters.archive import unpack_archive, write_archive
from llmdeploy.adapters.weights import fetch
from llmdeploy.artifact import artifact_of
from llmdeploy.deployment import Deployment, deployment
from llmdeploy.environment import Clock, Environment
from llmdeploy.errors import MissingError, StepError
from llmdeploy.fleet import offline, offline_place
from llmdeploy.fleet.bundling import BASIC, TOGETHER, _weights, made_by, make_bundle, system_of
from llmdeploy.plan import Memory, ModelRef, Plan
from llmdeploy.run import Recorder
from tests.checkout import ROOT
from tests.hub_server import HubServer

from .documents import facts

ROLES = ROOT / "playbooks/roles"
FROM_ROLES = ("hardening", "gateway", "metrics", "model_store", "pull_agent")


@pytest.fixture
def place(tmp_path: Path) -> Deployment:
    environment = Environment(io.StringIO(), io.StringIO(), io.StringIO(), tmp_path, {})
    found = deployment("box", environment)
    found.state.create()
    return found


def bundle(folder: Path, **about: str) -> Path:
    """A bundle with one file of each kind."""
    content = {
        "bundle.json": json.dumps({**made_by(), "systems": ["debian-12-x86_64"], **about}),
        "plan.json": "{}",
        "packages/debian-12-x86_64/Packages": "Package: haproxy\n",
        "runtimes/cp311-x86_64-abc/one.whl": "wheel",
        "models/owner--name/abc/model.gguf": "weights",
    }
    files = {}
    for name, text in content.items():
        path = folder / "made" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        files[name] = path
    write_archive(folder / "box.tar", files)
    return folder / "box.tar"


def recorder() -> Recorder:
    return Recorder("bundle", (), Clock())


def test_what_a_bundle_holds_comes_to_where_the_steps_look_for_it(place: Deployment, tmp_path: Path) -> None:
    offline.open_bundle(bundle(tmp_path), place, recorder())
    root = place.environment.state_root
    assert (root / "runtimes/cp311-x86_64-abc/one.whl").read_text() == "wheel"
    assert (place.models / "owner--name/abc/model.gguf").read_text() == "weights"
    assert (place.state.path / "plan.json").read_text() == "{}"
    packages = offline._packages("debian-12-x86_64", place)
    assert [file.name for file in packages.files] == ["Packages"]


def test_apt_of_our_tasks_knows_the_packages_while_the_bundle_is_in_force(place: Deployment, tmp_path: Path) -> None:
    assert offline_place.variables(place) == {}
    offline.open_bundle(bundle(tmp_path), place, recorder())
    assert offline_place.variables(place) == {"llmdeploy_environment": {"APT_CONFIG": offline_place.APT_CONFIG}}
    offline_place.forget_bundle(place)
    assert offline_place.variables(place) == {}


def test_weights_of_the_hub_are_used_without_it(place: Deployment, tmp_path: Path) -> None:
    """Out of one store, through a bundle, into another: verified anew, and no network."""
    demo = ROOT / "src/llmdeploy/models/demo/llmdeploy-demo-Q8_0.gguf"
    content, there = demo.read_bytes(), Deployment(place.state, replace(place.environment, cwd=tmp_path / "there"))
    ref = ModelRef("o/n", "hub", "o/n", "gguf", len(content), "c" * 40, "tiny.gguf", sha256(content).hexdigest())
    with HubServer() as hub:
        hub.add("o/n", "c" * 40, {"tiny.gguf": content})
        fetched = fetch(ref, there.models, lambda label, done, total: None, None, hub.url)
    files = dict(_weights(artifact_of({"tiny.gguf": fetched.path}), plan_with(ref), there))
    write_archive(tmp_path / "weights.tar", files)
    unpack_archive(tmp_path / "weights.tar", tmp_path / "out")
    found = fetch(ref, tmp_path / "out/models", lambda label, done, total: None, None, "http://127.0.0.1:9")
    assert found.path.read_bytes() == content


def plan_with(ref: ModelRef) -> Plan:
    memory = Memory((), 0)
    return Plan("box", "edge", {}, ref, "n", "Q8_0", "llamacpp", 512, 1, 1, "127.0.0.1", 8080, memory)


def test_a_plan_that_is_there_stays(place: Deployment, tmp_path: Path) -> None:
    (place.state.path / "plan.json").write_text('{"name": "mine"}')
    with pytest.raises(StepError):  # not a whole plan, and yet nobody replaces it
        offline.open_bundle(bundle(tmp_path), place, recorder())
    assert "mine" in (place.state.path / "plan.json").read_text()


@pytest.mark.parametrize(("key", "value"), [("version", "9.9"), ("lock", "abc")])
def test_a_bundle_of_another_version_is_refused_and_leaves_nothing(
    place: Deployment, tmp_path: Path, key: str, value: str
) -> None:
    with pytest.raises(StepError, match=rf"was made by llmdeploy .*{value}"):
        offline.open_bundle(bundle(tmp_path, **{key: value}), place, recorder())
    assert not (place.environment.state_root / "runtimes").exists()
    assert sorted(path.name for path in place.state.path.iterdir()) == ["logs", "runs", "supervisor"]


def test_a_host_of_another_system_is_told_of(place: Deployment, tmp_path: Path) -> None:
    offline.open_bundle(bundle(tmp_path), place, recorder())
    with pytest.raises(MissingError, match=r"no packages for debian-13-x86_64, but for debian-12-x86_64"):
        offline._packages("debian-13-x86_64", place)


def test_packages_are_for_a_release_and_an_architecture() -> None:
    assert system_of(facts()) == "debian-12-x86_64"


def test_a_plan_with_an_image_makes_no_bundle(place: Deployment, tmp_path: Path) -> None:
    ref = ModelRef("n", "hub", "owner/name", "safetensors", 1)
    plan = replace(plan_with(ref), spec={"hosts": {"image": "vllm@sha256:0"}})
    with pytest.raises(StepError, match="a bundle cannot hold vllm@sha256:0"):
        make_bundle(plan, place, recorder(), tmp_path / "box.tar", ())
    assert not (tmp_path / "box.tar").exists()


def test_a_bundle_has_the_packages_that_roles_install() -> None:
    text = "".join((ROLES / role / "vars/main.yml").read_text("utf-8") for role in FROM_ROLES)
    text += (ROLES / "engine_runtime/defaults/main.yml").read_text("utf-8")
    assert [name for name in (*BASIC, *TOGETHER) if name not in text] == ["ca-certificates", "python3-apt"]
