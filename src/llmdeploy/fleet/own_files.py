"""Files of the user that go to hosts: certificates, the address that alerts are sent to, a password for mail."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from llmdeploy.errors import Problem, SpecError

AUTHORITY, CERTIFICATE, WEBHOOK = "pull_authority", "certificate", "alert_webhook"
PASSWORD, MAIL_AUTHORITY = "alert_mail.password_file", "alert_mail.authority"
ACME_AUTHORITY = "acme_authority"
PARTS = {
    CERTIFICATE: (b"BEGIN CERTIFICATE", b"PRIVATE KEY-----"),
    WEBHOOK: (b"://",),
    AUTHORITY: (b"BEGIN CERTIFICATE",),
    MAIL_AUTHORITY: (b"BEGIN CERTIFICATE",),
    ACME_AUTHORITY: (b"BEGIN CERTIFICATE",),
}
LINES = (WEBHOOK, PASSWORD)
"""Files of one line."""
WHAT = {
    CERTIFICATE: "a certificate and a private key",
    WEBHOOK: "an address",
    AUTHORITY: "a certificate",
    MAIL_AUTHORITY: "a certificate",
    PASSWORD: "one line with a password",
    ACME_AUTHORITY: "a certificate",
}
HINTS = {
    CERTIFICATE: "name a PEM file with the chain and its key",
    WEBHOOK: "name a file that holds one address: https://...",
    AUTHORITY: "name a PEM file with the certificate of the authority",
    MAIL_AUTHORITY: "name a PEM file with the certificate of the authority",
    PASSWORD: "name a file that holds the password and nothing else",
    ACME_AUTHORITY: "name a PEM file with the root certificate of the authority",
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
    one_line = field not in LINES or len(content.strip().splitlines()) == 1
    if not one_line or not all(part in content for part in PARTS.get(field, ())):
        raise _refused(field, f"{path} does not hold {WHAT[field]}")
    return path


def _named(field: str, settings: Mapping[str, Any]) -> str:
    """What the spec says there; plans of before a field came do not have it."""
    found: Any = settings
    for part in field.split("."):
        found = found.get(part, {})
    return found or ""


def _refused(field: str, message: str) -> SpecError:
    return SpecError([Problem(f"hosts.{field}", message, HINTS[field])], "spec")
