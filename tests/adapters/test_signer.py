"""Signatures of releases: made here with cryptography, checked on a box with openssl."""

from __future__ import annotations

from pathlib import Path

import pytest

from llmdeploy.adapters.signer import ensure_signer, sign
from llmdeploy.errors import MissingError, StepError
from llmdeploy.onhost.signed import opened, sealed


def test_openssl_takes_what_we_sign_and_nothing_else(tmp_path: Path) -> None:
    key, signer = tmp_path / "key", tmp_path / "signer"
    assert ensure_signer(key, signer)
    assert not ensure_signer(key, signer)
    assert key.stat().st_mode & 0o777 == 0o600
    with pytest.raises(StepError, match="the manifest cannot be read"):  # so the signature was good
        opened(sealed(b"{}", sign(key, b"{}")), signer)
    with pytest.raises(StepError, match="not signed by signer"):
        opened(sealed(b"[]", sign(key, b"{}")), signer)


def test_a_lost_key_is_an_error_in_words(tmp_path: Path) -> None:
    with pytest.raises(MissingError, match="cannot be used"):
        sign(tmp_path / "nothing", b"")
