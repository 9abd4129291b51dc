"""From `bundle` to `up --bundle`: what is written is found where the steps look, and other versions are refused."""

from __future__ import annotations

import io
import json
from pathlib import Path

import pytest

from llmdeploy import __version__
from llmdeploy.adapters.archive import write_archive
from llmdeploy.deployment import Deployment, deployment
from llmdeploy.environment import Clock, Environment
from llmdeploy.errors import MissingError, StepError
from llmdeploy.fleet import offline, offline_place
from llmdeploy.fleet.bundling import BASIC, TOGETHER, system_of
from llmdeploy.run import Recorder
from tests.checkout import ROOT

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
        "bundle.json": json.dumps({"version": __version__, "systems": ["debian-12-x86_64"], **about}),
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
    offline.forget_bundle(place)
    assert offline_place.variables(place) == {}


def test_a_plan_that_is_there_stays(place: Deployment, tmp_path: Path) -> None:
    (place.state.path / "plan.json").write_text('{"name": "mine"}')
    with pytest.raises(StepError):  # not a whole plan, and yet nobody replaces it
        offline.open_bundle(bundle(tmp_path), place, recorder())
    assert "mine" in (place.state.path / "plan.json").read_text()


def test_a_bundle_of_another_version_is_refused_and_leaves_nothing(place: Deployment, tmp_path: Path) -> None:
    with pytest.raises(StepError, match=r"was made by llmdeploy 9\.9"):
        offline.open_bundle(bundle(tmp_path, version="9.9"), place, recorder())
    assert not (place.environment.state_root / "runtimes").exists()
    assert sorted(path.name for path in place.state.path.iterdir()) == ["logs", "runs", "supervisor"]


def test_a_host_of_another_system_is_told_of(place: Deployment, tmp_path: Path) -> None:
    offline.open_bundle(bundle(tmp_path), place, recorder())
    with pytest.raises(MissingError, match=r"no packages for debian-13-x86_64, but for debian-12-x86_64"):
        offline._packages("debian-13-x86_64", place)


def test_packages_are_for_a_release_and_an_architecture() -> None:
    assert system_of(facts()) == "debian-12-x86_64"


def test_a_bundle_has_the_packages_that_roles_install() -> None:
    text = "".join((ROLES / role / "vars/main.yml").read_text("utf-8") for role in FROM_ROLES)
    text += (ROLES / "engine_runtime/defaults/main.yml").read_text("utf-8")
    assert [name for name in (*BASIC, *TOGETHER) if name not in text] == ["ca-certificates", "python3-apt"]
