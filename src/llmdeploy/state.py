"""The state folder of one deployment: `.llmdeploy/<name>/`, readable by its owner only."""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from llmdeploy.errors import MissingError, StepError
from llmdeploy.plan import Plan
from llmdeploy.secret import Secret

LOCK_SECONDS = 1.5


def write_private(path: Path, text: str) -> None:
    """Write a file of mode 0600 whole or not at all: a reader sees the old text or the new one."""
    partial = path.with_name(f".{path.name}.partial")
    handle = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    partial.replace(path)


@dataclass(frozen=True)
class StateFolder:
    """Names every file of a deployment's state, and reads and writes the small ones."""

    path: Path

    @property
    def name(self) -> str:
        return self.path.name

    @property
    def journal(self) -> Path:
        return self.path / "journal.jsonl"

    def save_target(self, name: str) -> None:
        write_private(self.path / "target", name + "\n")

    @property
    def key_file(self) -> Path:
        return self.path / "key"

    @property
    def key_header(self) -> Path:
        """The key as an HTTP header, for `curl -H @file`: no key in an argument."""
        return self.path / "key.header"

    @property
    def supervisor(self) -> Path:
        return self.path / "supervisor"

    @property
    def logs(self) -> Path:
        return self.path / "logs"

    @property
    def runs(self) -> Path:
        return self.path / "runs"

    @property
    def history(self) -> Path:
        return self.path / "history.sqlite"

    @property
    def report(self) -> Path:
        return self.path / "report.html"

    @property
    def exists(self) -> bool:
        return self.path.is_dir()

    def create(self) -> bool:
        """Make the folders, private to their owner; true when there was none."""
        if self.logs.is_dir() and self.supervisor.is_dir() and self.runs.is_dir():
            return False
        try:
            root = self.path.parent
            root.mkdir(mode=0o700, parents=True, exist_ok=True)
            (root / ".gitignore").write_text("*\n")
            for folder in (self.path, self.supervisor, self.logs, self.runs):
                folder.mkdir(mode=0o700, exist_ok=True)
        except OSError as error:
            raise MissingError(
                f"cannot make the state folder {self.path}: {error.strerror}",
                "run in a folder that you may write to, or name one: LLMDEPLOY_STATE=/path/to/folder",
            ) from error
        return True

    def save_plan(self, plan: Plan) -> None:
        """Keep what prepare decided."""
        write_private(self.path / "plan.json", json.dumps(plan.as_json(), indent=1))

    def load_plan(self) -> Plan | None:
        return self._read_plan("plan.json")

    def keep(self, plan: Plan) -> None:
        """Keep a plan that runs somewhere, to find it by its digest."""
        (self.path / "plans").mkdir(mode=0o700, exist_ok=True)
        write_private(self.path / "plans" / f"{plan.digest}.json", json.dumps(plan.as_json(), indent=1))

    def save_deployed(self, plan: Plan) -> None:
        """Keep the plan that runs now, also for a later rollback; a newer plan may be waiting in `plan.json`."""
        self.keep(plan)
        write_private(self.path / "deployed.json", json.dumps(plan.as_json(), indent=1))

    def load_deployed(self) -> Plan | None:
        return self._read_plan("deployed.json")

    def load_kept(self, digest: str) -> Plan | None:
        """A plan that was deployed once, by the beginning of its digest."""
        found = sorted((self.path / "plans").glob(f"{digest}*.json")) if digest else []
        return self._read_plan(f"plans/{found[0].name}") if len(found) == 1 else None

    def deployed(self) -> Plan:
        """The plan that runs. Raises MissingError where nothing is deployed."""
        plan = self.load_deployed()
        if plan is None:
            raise MissingError(f"{self.name} is not deployed", "run `llmdeploy up`")
        return plan

    def load_target(self) -> str:
        """The target as setup wrote it down; a damaged plan must not keep anybody from taking things down."""
        try:
            return (self.path / "target").read_text(encoding="ascii").strip()
        except FileNotFoundError:
            return "local"

    def known_plans(self) -> tuple[Plan, ...]:
        """The deployed plan and the prepared one, where there are any."""
        return tuple(plan for plan in (self.load_deployed(), self.load_plan()) if plan)

    def save_outputs(self, outputs: dict[str, Any]) -> None:
        """Keep what exists only after a deploy: address, process, weights."""
        write_private(self.path / "outputs.json", json.dumps(outputs, indent=1))

    def load_outputs(self) -> dict[str, Any]:
        return self._read_json("outputs.json") or {}

    def key(self) -> Secret:
        """The API key.

        Raises MissingError where setup has not made one.
        """
        try:
            return Secret(self.key_file.read_text(encoding="ascii").strip())
        except FileNotFoundError:
            raise MissingError(f"{self.name} has no API key yet", "run `llmdeploy up`") from None

    def _read_plan(self, name: str) -> Plan | None:
        data = self._read_json(name)
        try:
            return Plan.from_json(data) if data else None
        except (KeyError, TypeError) as error:  # written by another version, or by hand
            raise StepError(
                f"{self.path / name} was written by another version: {error!r}",
                f"remove it and run `llmdeploy up --name {self.name}`",
            ) from error

    def _read_json(self, name: str) -> dict[str, Any] | None:
        path = self.path / name
        try:
            found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        except FileNotFoundError:
            return None
        except ValueError as error:
            raise StepError(
                f"{path} is damaged: {error}", f"remove it and run `llmdeploy up --name {self.name}`"
            ) from error
        return found

    @contextlib.contextmanager
    def locked(self, command: str) -> Iterator[None]:
        """Hold the deployment for one command; a second one is refused within two seconds and told who holds it."""
        from filelock import FileLock, Timeout

        holder = self.path / "lock.holder"
        try:
            with FileLock(self.path / "lock", timeout=LOCK_SECONDS, poll_interval=0.1, mode=0o600):
                write_private(holder, f"`llmdeploy {command}`, process {os.getpid()}")
                try:
                    yield
                finally:
                    holder.unlink(missing_ok=True)
        except Timeout:
            who = holder.read_text() if holder.exists() else "another command"
            raise StepError(f"deployment {self.name} is held by {who}", "wait until it ends, or stop it") from None


def deployments(root: Path) -> tuple[str, ...]:
    """Names of the deployments with a state folder under `root`."""
    if not root.is_dir():
        return ()
    return tuple(sorted(folder.name for folder in root.iterdir() if (folder / "supervisor").is_dir()))
