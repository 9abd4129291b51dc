"""Files of the user that go to hosts: certificates, the address that alerts are sent to, a password for mail."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from llmdeploy.errors import Problem, SpecError

AUTHORITY, CERTIFICATE, WEBHOOK = "pull_authority", "certificate", "alert_webhook"
PASSWORD, MAIL_AUTHORITY = "alert_mail.password_file", "alert_mail.authority"
ACME_AUTHORITY = "acme_authority"


@dataclass(frozen=True)
class Kind:
    """What such a file must hold, in bytes and in words, whether on one line, and what to do where it does not."""

    parts: tuple[bytes, ...]
    what: str
    hint: str
    one_line: bool = False


_CERTIFICATE = (b"BEGIN CERTIFICATE",)
_SIGNER = Kind(_CERTIFICATE, "a certificate", "name a PEM file with the certificate of the authority")
OWN_FILES = {
    CERTIFICATE: Kind(
        (*_CERTIFICATE, b"PRIVATE KEY-----"),
        "a certificate and a private key",
        "name a PEM file with the chain and its key",
    ),
    ACME_AUTHORITY: Kind(_CERTIFICATE, "a certificate", "name a PEM file with the root certificate of the authority"),
    AUTHORITY: _SIGNER,
    MAIL_AUTHORITY: _SIGNER,
    WEBHOOK: Kind((b"://",), "an address", "name a file that holds one address: https://...", one_line=True),
    PASSWORD: Kind(
        (), "one line with a password", "name a file that holds the password and nothing else", one_line=True
    ),
}


def own_file(field: str, settings: Mapping[str, Any], cwd: Path) -> Path | None:
    """Where the file of that field of `hosts` lies, or None where none is named.

    Raises SpecError where it cannot be read or holds something else.
    """
    named = _named(field, settings)
    if not named:
        return None
    path = (cwd / Path(named).expanduser()).absolute()
    try:
        content = path.read_bytes()
    except OSError as error:
        raise _refused(field, f"{path} cannot be read: {error.strerror}") from None
    kind = OWN_FILES[field]
    too_long = kind.one_line and len(content.strip().splitlines()) != 1
    if too_long or not all(part in content for part in kind.parts):
        raise _refused(field, f"{path} does not hold {kind.what}")
    return path


def _named(field: str, settings: Mapping[str, Any]) -> str:
    """What the spec says there; plans of before a field came do not have it."""
    found: Any = settings
    for part in field.split("."):
        found = found.get(part, {})
    return found or ""


def _refused(field: str, message: str) -> SpecError:
    return SpecError([Problem(f"hosts.{field}", message, OWN_FILES[field].hint)], "spec")
