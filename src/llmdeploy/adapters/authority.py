"""The deployment's own certificate authority, and certificates that it signs. Keys are files of mode 0600.

Elliptic curve P-256 throughout: every TLS library of ten years reads it.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from llmdeploy.state import write_private

if TYPE_CHECKING:
    from cryptography import x509
    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey

AUTHORITY_DAYS, CERTIFICATE_DAYS = 3650, 365
RENEW_DAYS = 30  # before the end of a certificate
BACKDATE = timedelta(hours=1)  # for clocks that are behind


@dataclass(frozen=True)
class Authority:
    """A certificate authority in a folder: `ca.pem`, `ca.key`."""

    folder: Path

    @property
    def certificate(self) -> Path:
        return self.folder / "ca.pem"

    def ensure(self, name: str) -> bool:
        """Make the authority where there is none; true when it was made."""
        if self.certificate.exists() and (self.folder / "ca.key").exists():
            return False
        from cryptography import x509
        from cryptography.hazmat.primitives.asymmetric import ec

        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        key = ec.generate_private_key(ec.SECP256R1())
        subject = _named(f"llmdeploy {name} authority")
        builder = _builder(subject, subject, key, AUTHORITY_DAYS)
        builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        builder = builder.add_extension(_usage(signs=True), critical=True)
        write_private(self.folder / "ca.key", _pem(key))
        write_private(self.certificate, _text(_signed(builder, key)))
        return True

    def certify(self, path: Path, name: str, places: Sequence[str], now: datetime | None = None) -> bool:
        """Have a certificate with its key in one PEM file, for `places` (DNS names and addresses).

        It is good for a server and for a client. True when it was made anew: there was none, the places or the
        authority changed, or it ends within 30 days.
        """
        if path.exists() and self._still_good(path, places, now or datetime.now(UTC)):
            return False
        from cryptography import x509
        from cryptography.hazmat.primitives.asymmetric import ec
        from cryptography.hazmat.primitives.serialization import load_pem_private_key
        from cryptography.x509.oid import ExtendedKeyUsageOID as Use

        authority = x509.load_pem_x509_certificate(self.certificate.read_bytes())
        signing = load_pem_private_key((self.folder / "ca.key").read_bytes(), None)
        key = ec.generate_private_key(ec.SECP256R1())
        builder = _builder(_named(name), authority.subject, key, CERTIFICATE_DAYS)
        builder = builder.add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        builder = builder.add_extension(x509.SubjectAlternativeName(_general(places)), critical=False)
        builder = builder.add_extension(x509.ExtendedKeyUsage([Use.SERVER_AUTH, Use.CLIENT_AUTH]), critical=False)
        builder = builder.add_extension(_usage(signs=False), critical=True)
        builder = builder.add_extension(_issued_by(authority), critical=False)
        write_private(path, _text(_signed(builder, signing)) + _pem(key))  # type: ignore[arg-type]
        return True

    def _still_good(self, path: Path, places: Sequence[str], now: datetime) -> bool:
        from cryptography import x509
        from cryptography.exceptions import InvalidSignature

        authority = x509.load_pem_x509_certificate(self.certificate.read_bytes())
        try:
            found = x509.load_pem_x509_certificate(path.read_bytes())
            found.verify_directly_issued_by(authority)
            named = found.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        except (ValueError, TypeError, InvalidSignature, x509.ExtensionNotFound):
            return False
        good = path.stat().st_mode & 0o077 == 0 and set(named) == set(_general(places))
        return good and found.not_valid_after_utc - now > timedelta(days=RENEW_DAYS)


def _general(places: Sequence[str]) -> list[x509.GeneralName]:
    from cryptography import x509

    found: list[x509.GeneralName] = []
    for place in dict.fromkeys(places):
        try:
            found.append(x509.IPAddress(ipaddress.ip_address(place)))
        except ValueError:
            found.append(x509.DNSName(place))
    return found


def _named(name: str) -> x509.Name:
    from cryptography import x509
    from cryptography.x509.oid import NameOID

    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name[:64])])


def _builder(subject: x509.Name, issuer: x509.Name, key: EllipticCurvePrivateKey, days: int) -> x509.CertificateBuilder:
    from cryptography import x509

    now = datetime.now(UTC)
    builder = x509.CertificateBuilder().subject_name(subject).issuer_name(issuer).public_key(key.public_key())
    builder = builder.serial_number(x509.random_serial_number())
    builder = builder.add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
    return builder.not_valid_before(now - BACKDATE).not_valid_after(now + timedelta(days=days))


def _usage(signs: bool) -> x509.KeyUsage:
    from cryptography import x509

    return x509.KeyUsage(
        digital_signature=not signs, key_cert_sign=signs, crl_sign=signs, content_commitment=False,
        key_encipherment=False, data_encipherment=False, key_agreement=False, encipher_only=False, decipher_only=False,
    )  # fmt: skip


def _issued_by(authority: x509.Certificate) -> x509.AuthorityKeyIdentifier:
    """Without it a client that checks strictly, as Python does from 3.13 on, refuses the certificate."""
    from cryptography import x509

    return x509.AuthorityKeyIdentifier.from_issuer_public_key(authority.public_key())  # type: ignore[arg-type]


def _signed(builder: x509.CertificateBuilder, key: EllipticCurvePrivateKey) -> x509.Certificate:
    from cryptography.hazmat.primitives import hashes

    return builder.sign(key, hashes.SHA256())


def _text(certificate: x509.Certificate) -> str:
    from cryptography.hazmat.primitives.serialization import Encoding

    return certificate.public_bytes(Encoding.PEM).decode()


def _pem(key: EllipticCurvePrivateKey) -> str:
    from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
