"""Runs one playbook in a process of its own, with a small environment: ansible-runner writes down what it is given."""

from __future__ import annotations

import contextlib
import json
import os
import shlex
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from llmdeploy.adapters.ansible.outcome import Outcome
from llmdeploy.adapters.orphans import die_with_parent
from llmdeploy.errors import StepError
from llmdeploy.state import write_private

KEPT_RUNS = 20
PASSED_ON = ("HOME", "LANG", "LC_ALL", "LOGNAME", "PATH", "SSH_AUTH_SOCK", "TERM", "TMPDIR", "TZ", "USER")
FORKS = 32
STOP_SECONDS = 15
SSH = "-o ControlMaster=auto -o ControlPersist=60s -o BatchMode=yes -o ConnectTimeout=10 -o ServerAliveInterval=5"
FAST = "mitogen_linear"


@dataclass(frozen=True)
class Playbook:
    """One run: the playbook's file, the inventory as Ansible reads it from JSON, and a private folder for both.

    `strategy` is Ansible's: mitogen_linear keeps one Python alive on each host and sends tasks through it.
    """

    path: Path
    inventory: Mapping[str, Any]
    folder: Path
    limit: tuple[str, ...] = ()
    check: bool = False
    variables: Mapping[str, Any] | None = None
    strategy: str = FAST


def run_playbook(play: Playbook, world: Mapping[str, str], tell: Callable[[str], None] = lambda text: None) -> Outcome:
    """Run it to its end. `tell` hears the role and task that are at work. Raises StepError where Ansible itself fails;
    what failed on hosts is in the outcome."""
    _prepare(play)
    outcome, other = Outcome(), list[str]()
    with _process(play, world) as process:
        for line in process.stdout or ():
            event = _event(line)
            if event is None:
                other.append(line.strip())
                continue
            outcome.see(event)
            if event.get("event") in ("error", "verbose", "warning"):
                other.append(str(event.get("stdout", "")).strip())
            if event.get("event") == "playbook_on_task_start":
                data = event["event_data"]
                tell(f"{data.get('role') or data.get('play')}: {data.get('task')}")
    outcome.exit_code = process.returncode
    if process.returncode and not outcome.faults:
        said = [line for line in other if line]
        raise StepError(
            f"ansible ended with exit {process.returncode}: {' '.join(said[-3:])[:500] or 'it said nothing'}",
            f"its own record is in {play.folder / 'artifacts'}",
        )
    return outcome


def _prepare(play: Playbook) -> None:
    for name in ("", "inventory", "env"):
        (play.folder / name).mkdir(mode=0o700, parents=True, exist_ok=True)
    write_private(play.folder / "inventory" / "hosts.json", json.dumps(play.inventory, indent=1))


@contextlib.contextmanager
def _process(play: Playbook, world: Mapping[str, str]) -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen(
        _command(play),
        env=_environment(play, world),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        start_new_session=True,
        preexec_fn=die_with_parent,
    )
    try:
        yield process
        process.wait()
    except BaseException:
        os.killpg(process.pid, signal.SIGTERM)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(STOP_SECONDS)
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
        raise


def _command(play: Playbook) -> list[str]:
    options = ["--diff", *(["--check"] if play.check else [])]
    if play.limit:
        options += ["--limit", ",".join(play.limit)]
    if play.variables:
        file = play.folder / "env" / "variables.json"
        write_private(file, json.dumps(dict(play.variables)))
        options += ["--extra-vars", f"@{file}"]
    return [
        *(sys.executable, "-I", "-m", "llmdeploy.adapters.ansible.guard"),
        sys.executable, "-I", "-m", "ansible_runner", "run", str(play.folder),
        "--playbook", str(play.path), "--project-dir", str(play.path.parent),
        "--inventory", str(play.folder / "inventory" / "hosts.json"),
        "--rotate-artifacts", str(KEPT_RUNS), "--json", f"--cmdline={shlex.join(options)}",
    ]  # fmt: skip


def _environment(play: Playbook, world: Mapping[str, str]) -> dict[str, str]:
    given = {key: world[key] for key in PASSED_ON if key in world}
    programs = Path(sys.executable).parent
    return {
        **given,
        "PATH": f"{programs}{os.pathsep}{given.get('PATH', os.defpath)}",
        "ANSIBLE_CONFIG": str(play.path.parent / "ansible.cfg"),
        "ANSIBLE_COLLECTIONS_PATH": str(play.path.parent / "collections"),
        "ANSIBLE_ROLES_PATH": str(play.path.parent / "roles"),
        "ANSIBLE_LOCAL_TEMP": str(play.folder / "tmp"),
        "ANSIBLE_FORKS": str(FORKS),
        "ANSIBLE_PIPELINING": "1",
        "ANSIBLE_SSH_ARGS": SSH,
        "ANSIBLE_STRATEGY": play.strategy,
        "ANSIBLE_STRATEGY_PLUGINS": _strategies(),
        "ANSIBLE_RETRY_FILES_ENABLED": "0",
        "ANSIBLE_NOCOLOR": "1",
    }


def _strategies() -> str:
    found = find_spec("ansible_mitogen")
    place = found.submodule_search_locations[0] if found and found.submodule_search_locations else ""
    return str(Path(place) / "plugins" / "strategy")


def _event(line: str) -> dict[str, Any] | None:
    if not line.startswith("{"):
        return None
    try:
        found = json.loads(line)
    except ValueError:
        return None
    return found if isinstance(found, dict) and "event" in found else None
