"""The deployment's own certificates, as OpenSSL judges them."""

from __future__ import annotations

import shutil
import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from llmdeploy.adapters.authority import CERTIFICATE_DAYS, RENEW_DAYS, Authority

PLACES = ["gpu1", "10.0.0.11", "fd00::11", "gpu1.example.org"]


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    made = Authority(tmp_path / "tls")
    assert made.ensure("demo")
    return made


def openssl(*args: object) -> str:
    if not shutil.which("openssl"):
        pytest.skip("needs openssl")
    done = subprocess.run(["openssl", *map(str, args)], capture_output=True, text=True)
    return done.stdout + done.stderr


def certified(authority: Authority, places: list[str] = PLACES, name: str = "gpu1.pem") -> Path:
    path = authority.folder / name
    assert authority.certify(path, "gpu1", places)
    return path


@pytest.mark.parametrize("purpose", ["sslserver", "sslclient"])
@pytest.mark.parametrize("place", PLACES)
def test_openssl_accepts_it_for_every_place_both_as_server_and_client(
    authority: Authority, purpose: str, place: str
) -> None:
    path = certified(authority)
    option = "-verify_ip" if place[:2] in ("10", "fd") else "-verify_hostname"
    strict = ("-x509_strict", "-purpose", purpose, option, place)
    assert openssl("verify", *strict, "-CAfile", authority.certificate, path) == f"{path}: OK\n"


def test_openssl_refuses_it_for_another_place_and_another_authority(authority: Authority, tmp_path: Path) -> None:
    path = certified(authority)
    assert "hostname mismatch" in openssl("verify", "-verify_hostname", "gpu2", "-CAfile", authority.certificate, path)
    other = Authority(tmp_path / "other")
    other.ensure("demo")
    assert "error" in openssl("verify", "-CAfile", other.certificate, path)


def test_a_certificate_of_a_host_signs_no_other(authority: Authority) -> None:
    text = openssl("x509", "-in", certified(authority), "-noout", "-text")
    assert "CA:FALSE" in text
    assert "Certificate Sign" not in text
    assert "P-256" in text


def test_its_key_belongs_to_it(authority: Authority) -> None:
    path = certified(authority)
    public = openssl("x509", "-in", path, "-noout", "-pubkey")
    assert public.startswith("-----BEGIN PUBLIC KEY-----")
    assert openssl("pkey", "-in", path, "-pubout") == public


def test_private_files_are_for_their_owner_alone(authority: Authority) -> None:
    path = certified(authority)
    assert [one.stat().st_mode & 0o777 for one in (path, authority.folder / "ca.key")] == [0o600, 0o600]
    assert authority.folder.stat().st_mode & 0o777 == 0o700
    assert "PRIVATE KEY" not in authority.certificate.read_text()


def test_a_second_call_changes_nothing(authority: Authority) -> None:
    path = certified(authority)
    before = path.read_bytes(), authority.certificate.read_bytes()
    assert not authority.ensure("demo")
    assert not authority.certify(path, "gpu1", list(reversed(PLACES)))
    assert (path.read_bytes(), authority.certificate.read_bytes()) == before


@pytest.mark.parametrize(("days_left", "renewed"), [(RENEW_DAYS + 1, False), (RENEW_DAYS - 1, True), (-1, True)])
def test_it_is_renewed_in_its_last_thirty_days(authority: Authority, days_left: int, renewed: bool) -> None:
    path = certified(authority)
    later = datetime.now(UTC) + timedelta(days=CERTIFICATE_DAYS - days_left)
    assert authority.certify(path, "gpu1", PLACES, now=later) is renewed


def test_it_is_made_anew_for_other_places(authority: Authority) -> None:
    path = certified(authority)
    assert authority.certify(path, "gpu1", ["gpu1", "10.0.0.99"])
    assert openssl("verify", "-verify_ip", "10.0.0.99", "-CAfile", authority.certificate, path).endswith(": OK\n")


def test_it_is_made_anew_by_a_new_authority(authority: Authority) -> None:
    path = certified(authority)
    authority.certificate.unlink()
    assert authority.ensure("demo")
    assert authority.certify(path, "gpu1", PLACES)


@pytest.mark.parametrize("damage", ["", "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n", "\0"])
def test_a_damaged_one_is_made_anew(authority: Authority, damage: str) -> None:
    path = certified(authority)
    path.write_text(damage)
    assert authority.certify(path, "gpu1", PLACES)


def test_one_that_others_could_read_is_made_anew(authority: Authority) -> None:
    path = certified(authority)
    path.chmod(0o644)
    assert authority.certify(path, "gpu1", PLACES)
    assert path.stat().st_mode & 0o777 == 0o600
