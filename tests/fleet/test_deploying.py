"""Which files of a model go to hosts, and which plans a roll that fails goes back from."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from pathlib import Path

from llmdeploy.artifact import artifact_of
from llmdeploy.fleet.brought_model import travelling
from llmdeploy.fleet.deploying import _differ
from llmdeploy.plan import Plan, Weights

from .conftest import Hosts


def written(folder: Path, *names: str) -> dict[str, str]:
    for name in names:
        (folder / name).write_text(name)
    return {name: hashlib.sha256(name.encode()).hexdigest() for name in names}


def test_every_part_of_a_split_gguf_goes_along(tmp_path: Path) -> None:
    parts = written(tmp_path, "big-00001-of-00002.gguf", "big-00002-of-00002.gguf")
    sent = artifact_of(*travelling(Weights(tmp_path / "big-00001-of-00002.gguf", parts)))
    assert {file.name: file.sha256 for file in sent.files} == parts


def test_the_folder_of_safetensors_goes_whole(tmp_path: Path) -> None:
    weights = written(tmp_path, "model.safetensors")
    beside = written(tmp_path, "config.json", "tokenizer.json")
    sent = artifact_of(*travelling(Weights(tmp_path, weights)))
    assert {file.name: file.sha256 for file in sent.files} == weights | beside


def test_a_file_whose_sum_is_known_is_not_read_again(tmp_path: Path) -> None:
    written(tmp_path, "large.gguf")
    sent = artifact_of(*travelling(Weights(tmp_path / "large.gguf", {"large.gguf": "known"})))
    assert [file.sha256 for file in sent.files] == ["known"]


def test_a_setting_that_changes_no_engine_is_gone_back_from_too(hosts: Hosts) -> None:
    hosts.many(1)
    plan = Plan.from_json(hosts.plan())
    other = replace(plan, spec={**plan.spec, "hosts": {**plan.spec["hosts"], "drain": "1s"}})
    assert plan.digest == other.digest
    assert _differ(plan, other)
    assert not _differ(plan, Plan.from_json(plan.as_json()))
