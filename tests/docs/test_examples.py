"""YAML of the guides is what its first line says: a spec parses, a golden file loads, the rest is YAML."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
import yaml

from llmdeploy.gates.cases import load_cases
from llmdeploy.spec import parse_spec
from tests.docs.markdown import Block, blocks, pages

BLOCKS = [block for path in pages() for block in blocks(path) if block.kind in ("yaml", "json")]


def file_name(block: Block) -> str:
    """The file that a YAML block stands for, from its first line, `# llmdeploy.yaml`."""
    found = re.match(r"# (\S+\.ya?ml)\b", block.text)
    assert found, f"{block.where}: the first line does not name the file: `# llmdeploy.yaml`"
    return found[1]


def test_there_are_specs_and_golden_files_to_check() -> None:
    names = [file_name(block) for block in BLOCKS if block.kind == "yaml"]
    assert "llmdeploy.yaml" in names
    assert "golden.yaml" in names


@pytest.mark.parametrize("block", BLOCKS, ids=lambda block: block.where)
def test_examples_are_valid(block: Block, tmp_path: Path) -> None:
    if block.kind == "json":
        json.loads(block.text)
        return
    name = file_name(block)
    if name == "llmdeploy.yaml":
        parse_spec(block.text, block.where)
    elif name == "golden.yaml":
        (tmp_path / name).write_text(block.text, "utf-8")
        assert load_cases(tmp_path / name)
    else:
        yaml.safe_load(block.text)
