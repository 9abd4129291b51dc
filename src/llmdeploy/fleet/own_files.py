"""Files of the user that go to hosts: certificates, the address that alerts are sent to."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from llmdeploy.errors import Problem, SpecError

AUTHORITY, CERTIFICATE, WEBHOOK = "pull_authority", "certificate", "alert_webhook"
ACME_AUTHORITY = "acme_authority"
PARTS = {
    CERTIFICATE: (b"BEGIN CERTIFICATE", b"PRIVATE KEY-----"),
    WEBHOOK: (b"://",),
    AUTHORITY: (b"BEGIN CERTIFICATE",),
    ACME_AUTHORITY: (b"BEGIN CERTIFICATE",),
}
WHAT = {
    CERTIFICATE: "a certificate and a private key",
    WEBHOOK: "an address",
    AUTHORITY: "a certificate",
    ACME_AUTHORITY: "a certificate",
}
HINTS = {
    CERTIFICATE: "name a PEM file with the chain and its key",
    WEBHOOK: "name a file that holds one address: https://...",
    AUTHORITY: "name a PEM file with the certificate of the authority",
    ACME_AUTHORITY: "name a PEM file with the root certificate of the authority",
}


def own_file(field: str, settings: Mapping[str, Any], cwd: Path) -> Path | None:
    """Where the file of that field of `hosts` lies, or None where none is named.

    Raises SpecError where it cannot be read or holds something else.
    """
    if not settings[field]:
        return None
    path = (cwd / Path(settings[field]).expanduser()).absolute()
    try:
        content = path.read_bytes()
    except OSError as error:
        raise _refused(field, f"{path} cannot be read: {error.strerror}") from None
    if not all(part in content for part in PARTS[field]):
        raise _refused(field, f"{path} does not hold {WHAT[field]}")
    return path


def _refused(field: str, message: str) -> SpecError:
    return SpecError([Problem(f"hosts.{field}", message, HINTS[field])], "spec")
