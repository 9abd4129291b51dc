"""Keeps programs running beside a deployment, through `supervisor` (supervisord and its XML-RPC on a Unix socket).

One supervisord per deployment, in the state folder's `supervisor/`. It outlives the terminal, restarts a program that
dies (at once when it had run, after 1, 2, 3, ... seconds while it keeps failing to start), and ends with `stop`.
"""

from __future__ import annotations

import contextlib
import http.client
import os
import shlex
import signal
import socket
import subprocess
import sys
import time
import xmlrpc.client
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from llmdeploy.errors import StepError

if TYPE_CHECKING:
    import psutil

START_SECONDS = 10.0
STOP_SECONDS = 20.0
UNIX_PATH_LIMIT = 90  # sun_path holds 108 bytes on Linux, 104 elsewhere; supervisor adds a process id
NO_SUCH_PROCESS = 10  # BAD_NAME of supervisor's XML-RPC interface
ALREADY_ADDED = 90

DAEMON = """\
[unix_http_server]
file={socket}
chmod=0600
[supervisord]
nodaemon=true
silent=true
umask=077
{user}
pidfile=supervisord.pid
logfile=supervisord.log
logfile_maxbytes=1MB
logfile_backups=1
identifier=llmdeploy
[rpcinterface:supervisor]
supervisor.rpcinterface_factory = supervisor.rpcinterface:make_main_rpcinterface
[include]
files=programs/*.conf
"""


@dataclass(frozen=True)
class Program:
    """One program to keep running; its output goes to `logs/<name>.log` of the state folder.

    `argv` is readable by anyone who can list processes: no secrets.
    """

    name: str
    argv: tuple[str, ...]
    env: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class ProcessInfo:
    """A supervised process. `state` is supervisor's word (RUNNING, STARTING, BACKOFF, STOPPED, FATAL, ...);
    `pid` is 0 while it does not run; `started_at` is in seconds since the epoch."""

    state: str
    pid: int
    started_at: float
    detail: str

    @property
    def alive(self) -> bool:
        return self.pid > 0


@dataclass(frozen=True)
class Supervisor:
    folder: Path

    def launch_daemon(self) -> bool:
        """Start the daemon without waiting for it; true when it was not there."""
        if self.answers() or self._daemons():
            return False
        programs = self.folder / "programs"
        programs.mkdir(mode=0o700, exist_ok=True)
        for left in programs.glob("*.conf"):  # a fresh daemon starts only what is asked for now
            left.unlink()
        user = "user=root" if os.geteuid() == 0 else ""
        socket_path = "/proc/self/cwd/supervisor.sock" if self._is_deep else "supervisor.sock"
        (self.folder / "supervisord.conf").write_text(DAEMON.format(user=user, socket=socket_path))
        subprocess.Popen(
            [sys.executable, "-I", "-m", "supervisor.supervisord", "-c", self._config],
            cwd=self.folder,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        return True

    def wait_for_daemon(self) -> None:
        deadline = time.monotonic() + START_SECONDS
        while not self.answers():
            if time.monotonic() > deadline:
                raise StepError(
                    f"the supervisor did not start within {START_SECONDS:.0f} s",
                    f"read {self.folder / 'supervisord.log'}",
                )
            time.sleep(0.01)

    def answers(self) -> bool:
        try:
            self._call("supervisor.getPID")
        except (OSError, http.client.HTTPException):
            return False
        return True

    def ensure(self, program: Program) -> bool:
        """Have the program run as described; true when it was started or restarted."""
        text = _section(program)
        same = self.description(program.name) == text
        info = self.process(program.name)
        if same and info and info.state in ("RUNNING", "STARTING"):
            return False
        if info:
            self.remove(program.name)
        self.restore(program.name, text)
        return True

    def description(self, name: str) -> str:
        """How a program is described now, for `restore`; empty when it is not known."""
        path = self.folder / "programs" / f"{name}.conf"
        return path.read_text() if path.exists() else ""

    def restore(self, name: str, description: str) -> None:
        """Have a program run by an earlier `description`."""
        (self.folder / "programs" / f"{name}.conf").write_text(description)
        self._call("supervisor.reloadConfig")
        try:
            self._call("supervisor.addProcessGroup", name)
        except xmlrpc.client.Fault as fault:
            if fault.faultCode != ALREADY_ADDED:
                raise

    def remove(self, name: str) -> None:
        """Stop a program, wait for its end and forget it."""
        (self.folder / "programs" / f"{name}.conf").unlink(missing_ok=True)
        if self.process(name) is None:
            return
        self._call("supervisor.stopProcessGroup", name)
        self._call("supervisor.reloadConfig")
        self._call("supervisor.removeProcessGroup", name)

    def process(self, name: str) -> ProcessInfo | None:
        """What is known of a program; None when there is no such program or no daemon."""
        try:
            info: Any = self._call("supervisor.getProcessInfo", name)
        except xmlrpc.client.Fault as fault:
            if fault.faultCode == NO_SUCH_PROCESS:
                return None
            raise
        except OSError:
            return None
        return ProcessInfo(
            info["statename"], info["pid"], float(info["start"]), info["spawnerr"] or info["description"]
        )

    def stop(self) -> bool:
        """End the daemon and everything under it, and wait until all are gone; true when there was something to end.

        The daemon stops its programs one by one at its own pace of a second. It is told to start nothing any more, and
        its programs are told to end by us, all at once; a program that does not is killed.
        """
        import psutil

        daemons = [psutil.Process(pid) for pid in self._daemons()]
        if not daemons:
            return False
        try:
            self._call("supervisor.shutdown")
        except (OSError, http.client.HTTPException):
            _signal_all(daemons, signal.SIGTERM)  # it has no socket yet, or none any more
        programs = [child for daemon in daemons for child in _children(daemon)]
        _signal_all(programs, signal.SIGTERM)
        stubborn = _wait_for_end(programs)
        _signal_all([*stubborn, *daemons], signal.SIGKILL)
        _wait_for_end([*stubborn, *daemons])
        for name in ("supervisor.sock", "supervisord.pid"):
            (self.folder / name).unlink(missing_ok=True)
        return True

    @property
    def _config(self) -> str:
        return str(self.folder / "supervisord.conf")

    @property
    def _is_deep(self) -> bool:
        """Whether the socket's path does not fit into a socket address; Linux can name it by an open folder."""
        return len(os.fsencode(self.folder / "supervisor.sock")) > UNIX_PATH_LIMIT

    def _daemons(self) -> list[int]:
        """Process ids of our daemon, found by its command line: also one that has no socket yet."""
        import psutil

        return [
            process.pid
            for process in psutil.process_iter(["cmdline"])
            if "supervisor.supervisord" in (line := process.info["cmdline"] or ()) and self._config in line
        ]

    def _call(self, method: str, *args: str) -> Any:
        with xmlrpc.client.ServerProxy(
            "http://localhost", _UnixTransport(self.folder / "supervisor.sock", self._is_deep)
        ) as server:
            return getattr(server, method)(*args)


class _UnixTransport(xmlrpc.client.Transport):
    def __init__(self, path: Path, deep: bool) -> None:
        super().__init__()
        self.path, self.deep = path, deep

    def make_connection(self, host: Any) -> http.client.HTTPConnection:
        return _UnixConnection(self.path, self.deep)


class _UnixConnection(http.client.HTTPConnection):
    def __init__(self, path: Path, deep: bool) -> None:
        super().__init__("localhost", timeout=STOP_SECONDS)
        self.path, self.deep = path, deep

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        if not self.deep:
            self.sock.connect(str(self.path))
            return
        folder = os.open(self.path.parent, os.O_RDONLY)
        try:
            self.sock.connect(f"/proc/self/fd/{folder}/{self.path.name}")
        finally:
            os.close(folder)


def _section(program: Program) -> str:
    environment = ",".join(f'{key}="{value}"' for key, value in sorted(program.env.items())).replace("%", "%%")
    return (
        f"[program:{program.name}]\n"
        f"command={_command(program.argv)}\n"
        f"environment={environment}\n"
        "autorestart=true\n"
        "startsecs=1\n"
        "startretries=60\n"
        "stopwaitsecs=15\n"
        "redirect_stderr=true\n"
        f"stdout_logfile=../logs/{program.name}.log\n"
        "stdout_logfile_maxbytes=10MB\n"
        "stdout_logfile_backups=2\n"
    )


def _command(argv: tuple[str, ...]) -> str:
    """One line for supervisor, which splits it like a shell, expands `%` and takes ` ;` and ` #` for comments."""
    quoted = " ".join(shlex.quote(part) for part in argv).replace("%", "%%")
    return quoted.replace(" ;", " '';").replace(" #", " ''#")


def _children(daemon: psutil.Process) -> list[psutil.Process]:
    import psutil

    try:
        return daemon.children(recursive=True)
    except psutil.NoSuchProcess:
        return []


def _wait_for_end(processes: list[psutil.Process]) -> list[psutil.Process]:
    """Those that are still at work after `STOP_SECONDS`; one that only waits for its parent to take note has ended."""
    import psutil

    def at_work(process: psutil.Process) -> bool:
        try:
            return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
        except psutil.NoSuchProcess:
            return False

    deadline = time.monotonic() + STOP_SECONDS
    while (left := [one for one in processes if at_work(one)]) and time.monotonic() < deadline:
        time.sleep(0.01)
    return left


def _signal_all(processes: list[psutil.Process], number: signal.Signals) -> None:
    import psutil

    for process in processes:
        with contextlib.suppress(psutil.NoSuchProcess):
            process.send_signal(number)
