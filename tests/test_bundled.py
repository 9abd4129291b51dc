"""Playbooks and the host's lock are found from the checkout; tests/e2e/test_wheel.py looks from an installed wheel."""

from __future__ import annotations

from pathlib import Path

import pytest

from llmdeploy import bundled
from llmdeploy.errors import MissingError
from tests.checkout import ROOT


@pytest.mark.parametrize("name", ["playbooks", "requirements/host.txt"])
def test_a_checkout_has_them_at_its_top(name: str) -> None:
    assert bundled.bundled(name) == ROOT / name


def test_beside_the_package_comes_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    package = tmp_path / "lib/python/llmdeploy"
    (package / "_bundle/playbooks").mkdir(parents=True)
    (package.parents[1] / "playbooks").mkdir()
    monkeypatch.setattr(bundled, "PACKAGE", package)
    assert bundled.bundled("playbooks") == package / "_bundle/playbooks"


def test_a_damaged_installation_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bundled, "PACKAGE", tmp_path / "lib/llmdeploy")
    with pytest.raises(MissingError, match="playbooks is missing") as raised:
        bundled.bundled("playbooks")
    assert "install llmdeploy again" in raised.value.hint
