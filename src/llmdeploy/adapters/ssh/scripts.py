"""One Python script on many hosts at once, as root where sudo allows it."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass, field

from llmdeploy.adapters.ssh.reach import Reach

AT_ONCE = 64
DEADLINE_SECONDS = 60.0
NO_PYTHON, NO_SUDO = 91, 92
START = (
    "command -v python3 >/dev/null 2>&1 || exit 91; "
    'p=${{SSH_CONNECTION##* }}; if [ "$(id -u)" = 0 ]; then exec python3 -I - {name} "$p"; '
    'elif sudo -n true 2>/dev/null; then exec sudo -n python3 -I - {name} "$p"; else exit 92; fi'
)
"""The script's arguments: the deployment's name, and the port of the host's SSH server."""


@dataclass(frozen=True)
class Answer:
    """What a host said: output, or in `problem` why there is none. `asked` and `answered` are epoch seconds."""

    output: str
    problem: str
    asked: float
    answered: float


@dataclass
class _Running:
    """The clients at work; once it is over, one that starts late ends at once."""

    clients: set[subprocess.Popen[bytes]] = field(default_factory=set)
    over: bool = False

    def add(self, client: subprocess.Popen[bytes]) -> None:
        self.clients.add(client)
        if self.over:
            client.kill()

    def end(self) -> None:
        self.over = True
        for client in tuple(self.clients):
            client.kill()


def run_everywhere(
    reaches: Sequence[Reach], script: str, argument: str, tell: Callable[[int], None] = lambda done: None
) -> dict[str, Answer]:
    """The answer of every host by its name. `tell` hears how many have answered. Never raises for a host's fault."""
    running = _Running()
    found: dict[str, Answer] = {}
    with ThreadPoolExecutor(AT_ONCE) as room:
        try:
            asked = {room.submit(_ask, reach, script, argument, running): reach.name for reach in reaches}
            for done in as_completed(asked):
                found[asked[done]] = done.result()
                tell(len(found))
        except BaseException:
            room.shutdown(wait=False, cancel_futures=True)
            running.end()
            raise
    return found


def _ask(reach: Reach, script: str, argument: str, running: _Running) -> Answer:
    pipe, asked = subprocess.PIPE, time.time()
    command = reach.command(START.format(name=argument))
    try:
        process = subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=pipe)
    except OSError as error:
        return Answer("", f"{command[0]} cannot be run: {error.strerror}", asked, time.time())
    running.add(process)
    try:
        output, said = process.communicate(script.encode(), DEADLINE_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
        return Answer("", f"no answer within {DEADLINE_SECONDS:.0f} s", asked, time.time())
    finally:
        running.clients.discard(process)
    problem = "" if process.returncode == 0 else _reason(process.returncode or 0, said.decode(errors="replace"))
    return Answer(output.decode(errors="replace"), problem, asked, time.time())


def _reason(code: int, said: str) -> str:
    known = {NO_PYTHON: "there is no python3", NO_SUDO: "this user may not use sudo without a password"}
    lines = [line.strip() for line in said.splitlines() if line.strip() and not line.startswith("**")]
    if code in known:
        return known[code]
    if code == 255:
        return f"SSH: {lines[-1] if lines else 'the connection was lost'}"
    return lines[-1] if lines else f"exit {code}"
