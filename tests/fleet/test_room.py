"""A changed model where the deployment runs already: what a user reads when it has no room beside the old one."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from llmdeploy.artifact import artifact_of
from llmdeploy.plan import Plan
from llmdeploy.state import StateFolder
from tests.engine_fixture import MODEL_FILE
from tests.engines.test_vllm import write_config

from .conftest import Hosts

MIB, GIB = 2**20, 2**30
UNITS = ["llmdeploy-demo-engine-0.service", "llmdeploy-demo-gateway.service"]


def deployed(hosts: Hosts, count: int, digest: str = "a" * 24) -> None:
    """As a deploy leaves it: its plan, and what it says of the artifact."""
    hosts.many(count)
    state = StateFolder(hosts.folder / ".llmdeploy" / "demo")
    state.save_deployed(Plan.from_json(hosts.plan("--name", "demo")))
    hosts.many(count, artifacts=[digest], units=UNITS)


def larger(hosts: Hosts, tmp_path: Path) -> str:
    """Another model of some MiB, by its path."""
    path = tmp_path / "larger.gguf"
    path.write_bytes(Path(MODEL_FILE).read_bytes() + b"\0" * MIB)
    return str(path)


def short_of_disk(hosts: Hosts, name: str, **more: Any) -> None:
    hosts.answer(name, artifacts=["a" * 24], units=UNITS, disk__store=64 * MIB, **more)


@pytest.mark.parametrize("max_unavailable", [0, 1, 5])
def test_a_host_that_serves_is_never_left_out_of_a_roll(hosts: Hosts, tmp_path: Path, max_unavailable: int) -> None:
    deployed(hosts, 3)
    (hosts.folder / "llmdeploy.yaml").write_text(f"hosts: {{max_unavailable: {max_unavailable}}}\n")
    short_of_disk(hosts, "host2")
    result = hosts.run("--name", "demo", "--model", larger(hosts, tmp_path))
    assert result.exit_code == 4
    (line,) = [line for line in result.stderr.splitlines() if line.startswith("error:")]
    assert line.startswith("error: host2: 64 MiB of disk are free, and 1")
    assert line.endswith("(the new model beside what runs)")
    assert "nothing was changed" in result.stderr


def test_the_model_that_is_there_needs_no_room(hosts: Hosts) -> None:
    deployed(hosts, 2)
    path = Path(MODEL_FILE)
    hosts.many(2, artifacts=[artifact_of({path.name: path}).digest], units=UNITS, disk__store=MIB)
    assert len(hosts.plan("--name", "demo")["hosts"]) == 2


def test_a_run_that_was_killed_after_the_model_came_goes_on(hosts: Hosts, tmp_path: Path) -> None:
    """The new model is on the hosts, and nothing is left beside it; the plan that runs is still the old one."""
    deployed(hosts, 2)
    path = Path(larger(hosts, tmp_path))
    digest = artifact_of({path.name: path}).digest
    hosts.many(2, artifacts=["a" * 24, digest], units=UNITS, disk__store=MIB)
    assert hosts.run("--name", "demo", "--model", str(path)).exit_code == 0


def test_a_change_to_vllm_needs_room_for_its_environment(hosts: Hosts) -> None:
    deployed(hosts, 2)
    write_config(hosts.folder / "tiny")
    (hosts.folder / "tiny/model.safetensors").write_bytes((2).to_bytes(8, "little") + b"{}")
    (hosts.folder / "tiny/tokenizer.json").write_text("{}")
    hosts.many(2, artifacts=["a" * 24], units=UNITS, disk__runtimes=GIB)
    result = hosts.run("--name", "demo", "--model", "./tiny")
    assert result.exit_code == 4
    assert "host1: 1.0 GiB of disk are free, and 4.1 GiB are needed (the new model and vllm beside what runs)" in (
        result.stderr
    )


def test_a_box_of_the_edge_stands_alone_and_is_left_out(hosts: Hosts, tmp_path: Path) -> None:
    deployed(hosts, 3)
    short_of_disk(hosts, "host2")
    result = hosts.run("--target", "edge", "--name", "demo", "--model", larger(hosts, tmp_path))
    assert result.exit_code == 0, result.stderr
    assert "host2" in result.stderr
    assert "left out: 64 MiB of disk are free" in result.stderr
