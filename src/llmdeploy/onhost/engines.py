"""The engines in the slots of a box: systemd runs them, HAProxy sends requests to them, a smoke test judges them."""

from __future__ import annotations

import json
import socket
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from llmdeploy.adapters.http import healthy
from llmdeploy.endpoint import Endpoint
from llmdeploy.errors import StepError
from llmdeploy.onhost.install import SLOT
from llmdeploy.onhost.rotation import Rotation
from llmdeploy.onhost.slots import NAMES, Box, mark, unmark
from llmdeploy.secret import Secret

GATEWAY_NOTICES = 2.0  # seconds: four health checks of the gateway
SYSTEMCTL_SECONDS = 900


@dataclass(frozen=True)
class Engines:
    box: Box
    admin: Path
    rotation: Path
    key_file: Path
    memory: int
    test_seconds: float

    def start(self, slot: str) -> None:
        """Returns when the engine answers a chat. Raises StepError where it does not."""
        self.box.trying(slot).touch(mode=0o640)
        self._systemctl("start", slot)

    def stop(self, slot: str) -> None:
        """Running requests end first: the unit drains. It does not come with the next boot either."""
        unmark(self.box.on(slot))
        self.box.trying(slot).unlink(missing_ok=True)
        self._systemctl("stop", slot)

    def keep(self, slot: str) -> None:
        """Have it come with every boot."""
        mark(self.box.on(slot))

    def healthy(self, slot: str, seconds: float = 0.0) -> bool:
        """Whether it answers now, or within these seconds."""
        end = time.monotonic() + seconds
        while not healthy(self._endpoint(slot)):
            if time.monotonic() >= end:
                return False
            time.sleep(1.0)
        return True

    def test(self, slot: str) -> str:
        """The smoke test of the slot's own llmdeploy; what it missed, empty when it passed."""
        about, folder = self._about(slot), self.box.slot(slot)
        command = [str(folder / "runtime/bin/python"), "-I", "-m", "llmdeploy.onhost.smoke"]
        command += ["--url", f"http://127.0.0.1:{about['port']}", "--model", about["served_name"]]
        command += ["--key-file", str(self.key_file), "--seconds", str(self.test_seconds)]
        if (folder / "golden.yaml").exists():
            command += ["--golden", str(folder / "golden.yaml"), "--min-accuracy", str(about["min_accuracy"])]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        return "" if done.returncode == 0 else " ".join(done.stderr.split())[-300:] or f"exit {done.returncode}"

    def take_in(self, slot: str) -> None:
        """Into rotation, and until the gateway has seen it."""
        unmark(self.box.hold(slot))
        place = self._rotation(slot)
        if place.drain(out=False):
            time.sleep(GATEWAY_NOTICES)

    def taken(self, slot: str) -> bool:
        """Whether something listens on the slot's port: an engine that came another way before the box pulled."""
        with socket.socket() as asked:
            asked.settimeout(1.0)
            return asked.connect_ex(("127.0.0.1", self.box.ports[slot])) == 0

    def fits_beside(self) -> bool:
        """Whether a second engine has room while the first still runs."""
        for line in Path("/proc/meminfo").read_text().splitlines():
            if line.startswith("MemAvailable:"):
                return int(line.split()[1]) * 1024 >= self.memory
        return False

    def _rotation(self, slot: str) -> Rotation:
        replica = f"replica-{NAMES.index(slot)}"
        return Rotation(self.admin, self.rotation / f"{replica}.map", replica)

    def _about(self, slot: str) -> dict[str, Any]:
        try:
            found: dict[str, Any] = json.loads((self.box.slot(slot) / SLOT).read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise StepError(f"slot {slot} is not whole: {error}") from error
        return found

    def _endpoint(self, slot: str) -> Endpoint:
        return Endpoint(f"http://127.0.0.1:{self.box.ports[slot]}", "", Secret(self.key_file.read_text().strip()))

    def _systemctl(self, verb: str, slot: str) -> None:
        command = ["systemctl", "--quiet", verb, self.box.unit(slot)]
        done = subprocess.run(command, capture_output=True, text=True, timeout=SYSTEMCTL_SECONDS, check=False)
        if done.returncode:
            said = " ".join(done.stderr.split())[:300] or f"see journalctl -u {self.box.unit(slot)}"
            raise StepError(f"{self.box.unit(slot)} does not {verb}: {said}")
