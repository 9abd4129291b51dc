"""Which wheels a deployment counts with: those that setup brought, or those that its engines run with."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from llmdeploy.deployment import Deployment
from llmdeploy.errors import MissingError
from llmdeploy.fleet.variables import Bundle, Fleet, variables_of
from llmdeploy.fleet.wheels import From, brought, note_brought, note_running, others_run, take_back, wheels_of
from llmdeploy.state import StateFolder
from tests.engines.test_vllm import write_config

from .conftest import Hosts
from .fleets import artifact, fleet


@pytest.fixture
def deployment(tmp_path: Path) -> Deployment:
    state = StateFolder(tmp_path / "state")
    state.create()
    return Deployment(state, None)  # type: ignore[arg-type]


@pytest.fixture
def with_vllm(hosts: Hosts) -> Fleet:
    hosts.many(2)
    write_config(hosts.folder / "tiny")
    (hosts.folder / "llmdeploy.yaml").write_text("model: ./tiny\n")
    return fleet(hosts)


def without_vllm(made: Fleet, folder: Path) -> Fleet:
    """The same hosts with a newer runtime, and an engine that needs no environment of its own."""
    newer = artifact(folder / "newer", **{"two.whl": b"newer"})
    plan = replace(made.plan, engine="llamacpp")
    return replace(made, plan=plan, bundle=Bundle(dict.fromkeys(made.hosts, newer), made.bundle.model))


def test_before_setup_nothing_is_brought(with_vllm: Fleet, deployment: Deployment) -> None:
    with pytest.raises(MissingError, match="not set up"):
        wheels_of(From.BROUGHT, with_vllm.plan, with_vllm.hosts, deployment)


def test_until_engines_run_what_was_brought_counts(with_vllm: Fleet, deployment: Deployment) -> None:
    note_brought(with_vllm, deployment)
    assert not others_run(deployment)
    for source in (From.BROUGHT, From.RUNNING):
        assert wheels_of(source, with_vllm.plan, with_vllm.hosts, deployment).runtimes == brought(deployment)


def test_what_runs_is_known_after_setup_has_brought_other_wheels(
    with_vllm: Fleet, deployment: Deployment, tmp_path: Path
) -> None:
    note_brought(with_vllm, deployment)
    note_running(deployment)
    note_brought(without_vllm(with_vllm, tmp_path), deployment)
    assert others_run(deployment)
    runs = wheels_of(From.RUNNING, with_vllm.plan, with_vllm.hosts, deployment).bundle(with_vllm.bundle.model)
    assert runs.digests == with_vllm.bundle.digests
    as_it_runs = replace(with_vllm, bundle=runs)
    for host in with_vllm.plan.hosts:
        assert variables_of(as_it_runs, host)["engine_runtime_engine_artifact"] == runs.engines[host.name].digest


def test_a_host_that_no_engine_ran_on_yet_goes_back_to_what_was_brought(
    with_vllm: Fleet, deployment: Deployment
) -> None:
    """As one that was off when the others got their engines."""
    note_brought(with_vllm.only(["host1"]), deployment)
    note_running(deployment)
    note_brought(with_vllm.only(["host2"]), deployment)
    take_back(deployment)
    assert set(wheels_of(From.BROUGHT, with_vllm.plan, with_vllm.hosts, deployment).runtimes) == {"host1", "host2"}


def test_a_roll_that_goes_back_takes_its_wheels_along(with_vllm: Fleet, deployment: Deployment, tmp_path: Path) -> None:
    note_brought(with_vllm, deployment)
    note_running(deployment)
    note_brought(without_vllm(with_vllm, tmp_path), deployment)
    take_back(deployment)
    assert not others_run(deployment)
    found = wheels_of(From.BROUGHT, with_vllm.plan, with_vllm.hosts, deployment)
    assert found.bundle(with_vllm.bundle.model).digests == with_vllm.bundle.digests
