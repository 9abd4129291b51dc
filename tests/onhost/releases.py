"""Releases in a folder, and engines that only say what they would do."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from llmdeploy.adapters.signer import ensure_signer, sign
from llmdeploy.errors import StepError
from llmdeploy.onhost.install import kind
from llmdeploy.onhost.signed import FILE, Release, sealed


def publish(folder: Path, key: Path, number: int, **changes: Any) -> Release:
    """A release of one wheel and one model, signed with `key`."""
    ensure_signer(key, key.with_suffix(".pub"))
    (folder / "files").mkdir(parents=True, exist_ok=True)
    files = {name: _file(folder, name, f"{name} {number}".encode()) for name in ("pip.whl", "model.gguf")}
    given: dict[str, Any] = {
        "deployment": "box",
        "number": number,
        "needs": "0.0.1",
        "served_name": "demo",
        "model": "m",
        "runtimes": {kind(): "r"},
        "artifacts": {"r": [files["pip.whl"]], "m": [files["model.gguf"]]},
        "boxes": {"edge1": {"argv": ["{python}", "--model", "{model}", "--port", "{port}"], "env": {}}},
        "golden": "",
        "min_accuracy": 1.0,
    }
    release = Release(**{**given, **changes})
    payload = json.dumps(asdict(release)).encode()
    (folder / FILE).write_text(sealed(payload, sign(key, payload)))
    return release


def _file(folder: Path, name: str, content: bytes) -> dict[str, Any]:
    sha256 = hashlib.sha256(content).hexdigest()
    (folder / "files" / sha256).write_bytes(content)
    return {"name": name, "sha256": sha256, "bytes": len(content)}


@dataclass
class Engines:
    """What runs (`on`) and is kept for the next boot; slots in `silent` never answer,
    `missed` is what tests say, `foreign` are slots whose port another program has."""

    on: set[str] = field(default_factory=set)
    kept: set[str] = field(default_factory=set)
    silent: set[str] = field(default_factory=set)
    missed: str = ""
    foreign: set[str] = field(default_factory=set)
    room: bool = True
    said: list[str] = field(default_factory=list)

    def start(self, slot: str) -> None:
        self.said.append(f"start {slot}")
        if slot in self.silent:
            raise StepError(f"{slot} does not start")
        self.on.add(slot)

    def stop(self, slot: str) -> None:
        self.said.append(f"stop {slot}")
        self.on.discard(slot)
        self.kept.discard(slot)

    def keep(self, slot: str) -> None:
        self.kept.add(slot)

    def healthy(self, slot: str, seconds: float = 0.0) -> bool:
        return slot in self.on and slot not in self.silent

    def test(self, slot: str) -> str:
        return self.missed

    def take_in(self, slot: str) -> None:
        self.said.append(f"in {slot}")

    def taken(self, slot: str) -> bool:
        return slot in self.foreign or slot in self.on

    def fits_beside(self) -> bool:
        return self.room
