"""Keeps programs running beside a deployment, through `supervisor` (supervisord and its XML-RPC on a Unix socket).

One supervisord per deployment, in the state folder's `supervisor/`. It outlives the terminal, restarts a program that
dies (at once when it had run, after 1, 2, 3, ... seconds while it keeps failing to start), and ends with `stop`.
"""

from __future__ import annotations

import http.client
import os
import signal
import subprocess
import sys
import time
import xmlrpc.client
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from llmdeploy.adapters.supervisor.ending import children, signal_all, wait_for_end
from llmdeploy.adapters.supervisor.program import ProcessInfo, Program, section
from llmdeploy.adapters.supervisor.rpc import call, is_deep
from llmdeploy.adapters.waiting import pause
from llmdeploy.errors import StepError

__all__ = ["ProcessInfo", "Program", "Supervisor"]

START_SECONDS = 10.0
NO_SUCH_PROCESS = 10  # BAD_NAME of supervisor's XML-RPC interface
ALREADY_ADDED = 90

DAEMON = """\
[unix_http_server]
file={socket}
chmod=0600
[supervisord]
nodaemon=true
silent=true
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
        socket_path = "/proc/self/cwd/supervisor.sock" if is_deep(self._socket) else "supervisor.sock"
        (self.folder / "supervisord.conf").write_text(DAEMON.format(user=user, socket=socket_path))
        subprocess.Popen(
            [sys.executable, "-I", "-m", "supervisor.supervisord", "-c", self._config],
            cwd=self.folder,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
            umask=0o077,
        )
        return True

    def wait_for_daemon(self) -> None:
        begun = time.monotonic()
        while not self.answers():
            if time.monotonic() > begun + START_SECONDS:
                raise StepError(
                    f"the supervisor did not start within {START_SECONDS:.0f} s",
                    f"read {self.folder / 'supervisord.log'}",
                )
            pause(begun)

    def answers(self) -> bool:
        try:
            self._call("supervisor.getPID")
        except (OSError, http.client.HTTPException):
            return False
        return True

    def ensure(self, program: Program) -> bool:
        """Have the program run as described; true when it was started or restarted."""
        text = section(program)
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

        The daemon stops its programs one by one and looks at each once a second, or when somebody calls. So its
        programs are told to end by us, all at once, and it is called until it has ended; what does not end is killed.
        """
        import psutil

        daemons = [psutil.Process(pid) for pid in self._daemons()]
        if not daemons:
            return False
        programs = [child for daemon in daemons for child in children(daemon)]
        if not self._wakes("supervisor.shutdown"):
            signal_all(daemons, signal.SIGTERM)  # it has no socket yet, or none any more
        signal_all(programs, signal.SIGTERM)
        stubborn = wait_for_end([*programs, *daemons], wake=lambda: self._wakes("supervisor.getPID"))
        signal_all(stubborn, signal.SIGKILL)
        wait_for_end(stubborn)
        for name in ("supervisor.sock", "supervisord.pid"):
            (self.folder / name).unlink(missing_ok=True)
        return True

    def _wakes(self, method: str) -> bool:
        """Whether the daemon heard the call; while it ends it may refuse it."""
        try:
            self._call(method)
        except xmlrpc.client.Fault:
            return True
        except (OSError, http.client.HTTPException):
            return False
        return True

    @property
    def _config(self) -> str:
        return str(self.folder / "supervisord.conf")

    @property
    def _socket(self) -> Path:
        return self.folder / "supervisor.sock"

    def _daemons(self) -> list[int]:
        """Process ids of our daemon, found by its command line: also one that has no socket yet."""
        import psutil

        return [
            process.pid
            for process in psutil.process_iter(["cmdline"])
            if "supervisor.supervisord" in (line := process.info["cmdline"] or ()) and self._config in line
        ]

    def _call(self, method: str, *args: str) -> Any:
        return call(self._socket, method, *args)
