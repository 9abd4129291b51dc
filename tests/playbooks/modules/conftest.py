"""The modules of the collection `llmdeploy.host`, imported by the name that Ansible gives them."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

COLLECTIONS = Path(__file__).parents[3] / "playbooks" / "collections"


@pytest.fixture(scope="session", autouse=True)
def collections_path() -> Iterator[None]:
    pytest.importorskip("ansible", reason="needs ansible-core")
    sys.path.insert(0, str(COLLECTIONS))
    yield
    sys.path.remove(str(COLLECTIONS))
