"""What the modules see on a host."""

from __future__ import annotations

from pathlib import Path

import pytest

STATES = """\
Package: libgomp1
Architecture: amd64
Auto-Installed: 1

Package: adduser
Architecture: amd64
Auto-Installed: 1

Package: curl
Architecture: amd64
Auto-Installed: 0
"""


def test_marks_of_apt_go_by_the_names_that_dpkg_uses(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """dpkg says `adduser` and `libgomp1:amd64`: of the second kind the mark was lost, and `down` did not restore it."""
    from ansible_collections.llmdeploy.host.plugins.module_utils import observed

    states = tmp_path / "extended_states"
    states.write_text(STATES)
    monkeypatch.setattr(observed, "EXTENDED_STATES", states)
    assert {"adduser", "libgomp1:amd64"} <= observed.marked_automatic()
    assert not {"curl", "curl:amd64"} & observed.marked_automatic()


def test_a_system_without_marks_has_none(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    from ansible_collections.llmdeploy.host.plugins.module_utils import observed

    monkeypatch.setattr(observed, "EXTENDED_STATES", tmp_path / "none")
    assert observed.marked_automatic() == set()
