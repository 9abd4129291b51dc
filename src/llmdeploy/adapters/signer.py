"""Ed25519 signatures of releases. The private key is a file of mode 0600."""

from __future__ import annotations

from pathlib import Path

from llmdeploy.errors import MissingError
from llmdeploy.state import write_private

HINT = "boxes take releases of this key alone: restore it"


def ensure_signer(key: Path, signer: Path) -> bool:
    """Have a key, and its public half beside it; true when they were made."""
    if key.exists() and signer.exists():
        return False
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

    made = Ed25519PrivateKey.generate()
    write_private(key, made.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode())
    write_private(signer, made.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode())
    return True


def sign(key: Path, payload: bytes) -> bytes:
    """The signature of `payload`. Raises MissingError where there is no key."""
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    try:
        found = load_pem_private_key(key.read_bytes(), None)
    except (OSError, ValueError) as error:
        raise MissingError(f"{key} cannot be used: {error}", HINT) from error
    if not isinstance(found, Ed25519PrivateKey):
        raise MissingError(f"{key} is no Ed25519 key", HINT)
    return found.sign(payload)
