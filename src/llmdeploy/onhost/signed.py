"""A release as it is published: the manifest with its Ed25519 signature, checked with the system's openssl."""

from __future__ import annotations

import base64
import binascii
import json
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from llmdeploy.errors import StepError

FILE = "release.json"
FORMAT = 1


@dataclass(frozen=True)
class Release:
    """What a manifest says. `number` only grows; `boxes` are arguments and environment of each box's engine, `runtimes`
    and `model` name `artifacts`, which list files by name, sha256 and bytes."""

    deployment: str
    number: int
    needs: str
    served_name: str
    model: str
    runtimes: dict[str, str]
    artifacts: dict[str, list[dict[str, Any]]]
    boxes: dict[str, dict[str, Any]]
    golden: str
    min_accuracy: float


def sealed(payload: bytes, signature: bytes) -> str:
    """The text of the published file."""
    parts = {"format": FORMAT, "payload": base64.b64encode(payload).decode()}
    return json.dumps({**parts, "signature": base64.b64encode(signature).decode()}) + "\n"


def opened(text: str, signer: Path) -> Release:
    """The release in it. Raises StepError where the signature is not the signer's; nothing is read before that."""
    try:
        outer = json.loads(text)
        payload = base64.b64decode(outer["payload"], validate=True)
        signature = base64.b64decode(outer["signature"], validate=True)
    except (ValueError, KeyError, TypeError, binascii.Error) as error:
        raise StepError(f"{FILE} cannot be read: {error!r}") from error
    if outer.get("format") != FORMAT:
        raise StepError(f"{FILE} has format {outer.get('format')!r}, and {FORMAT} is known here")
    if not _signed(payload, signature, signer):
        raise StepError(f"{FILE} is not signed by {signer.name}: it is refused")
    try:
        return Release(**json.loads(payload))
    except (ValueError, TypeError) as error:
        raise StepError(f"the manifest cannot be read: {error}") from error


def _signed(payload: bytes, signature: bytes, signer: Path) -> bool:
    with tempfile.TemporaryDirectory(prefix="llmdeploy-") as folder:
        content, mark = Path(folder) / "payload", Path(folder) / "signature"
        content.write_bytes(payload)
        mark.write_bytes(signature)
        command = ["openssl", "pkeyutl", "-verify", "-pubin", "-inkey", str(signer), "-rawin", "-in", str(content)]
        done = subprocess.run([*command, "-sigfile", str(mark)], capture_output=True, text=True, check=False)
    return done.returncode == 0 and "Verified Successfully" in done.stdout
