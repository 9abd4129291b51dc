"""A real engine on a fixed port, which a test may kill and start again, and a real prober beside it."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from llmdeploy.adapters.http import healthy
from llmdeploy.adapters.supervisor import Program, Supervisor
from llmdeploy.endpoint import Endpoint
from llmdeploy.engines.llamacpp import ENGINE
from llmdeploy.monitoring.snapshot import Snapshot, read_snapshot
from llmdeploy.prober.config import ProberConfig
from llmdeploy.secret import Secret
from tests.engine_fixture import MODEL_FILE

KEY = "key-of-the-watched-engine"
GOLDEN = """\
cases:
  - {name: right, prompt: "Ping", expect: {equals: "Pong."}}
  - {name: also right, prompt: "What is the capital of France?", expect: {contains: Paris}}
  - {name: cannot be, prompt: "Ping", expect: {equals: "No model says this."}}
"""


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_for(what: Callable[[], Any], seconds: float = 10.0) -> Any:
    """The first true value of `what`; a test that waits in vain fails."""
    deadline = time.monotonic() + seconds
    while not (found := what()):
        assert time.monotonic() < deadline, f"waited {seconds} s in vain"
        time.sleep(0.02)
    return found


class Watched:
    """One state folder with an engine and a prober, both started by hand."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.port = free_port()
        self.processes: list[subprocess.Popen[bytes]] = []
        for name, text in (("key", KEY), ("golden.yaml", GOLDEN)):
            (folder / name).touch(0o600)
            (folder / name).write_text(text)
        self.config = ProberConfig(
            url=f"http://127.0.0.1:{self.port}",
            model="demo",
            key_file=str(folder / "key"),
            history=str(folder / "history.sqlite"),
            port_file=str(folder / "prober.port"),
            supervisor_folder=str(folder / "supervisor"),
            metrics=ENGINE.metrics,
            golden=str(folder / "golden.yaml"),
            interval_s=0.5,
            sample_s=0.25,
        )

    @property
    def engine_argv(self) -> tuple[str, ...]:
        words = {
            "--model": MODEL_FILE, "--alias": "demo", "--host": "127.0.0.1", "--port": self.port,
            "--ctx-size": 2048, "--parallel": 4, "--ctx-checkpoints": 4, "--threads": 1,
            "--api-key-file": self.folder / "key",
        }  # fmt: skip
        return (
            sys.executable,
            "-m",
            "llmdeploy.engines.llamacpp",
            *(str(one) for pair in words.items() for one in pair),
        )

    def supervise_engine(self) -> Supervisor:
        """Start the engine under a supervisor, which the caller stops."""
        supervisor = Supervisor(Path(self.config.supervisor_folder))
        for name in ("supervisor", "logs"):
            (self.folder / name).mkdir()
        supervisor.launch_daemon()
        supervisor.wait_for_daemon()
        supervisor.ensure(Program("engine", self.engine_argv))
        wait_for(self.answers)
        return supervisor

    def start_engine(self) -> subprocess.Popen[bytes]:
        engine = self._start(self.engine_argv, "engine.log")
        wait_for(self.answers)
        return engine

    def answers(self) -> bool:
        return healthy(Endpoint(self.config.url, self.config.model, Secret(KEY)))

    def start_prober(self, more: tuple[Path, ...] = (), **changes: Any) -> subprocess.Popen[bytes]:
        """Start it and wait until it listens; `more` are configs of further engines."""
        self.config = replace(self.config, **changes)
        self.config.write(self.folder / "prober.json")
        Path(self.config.port_file).unlink(missing_ok=True)
        configs = [word for path in (self.folder / "prober.json", *more) for word in ("--config", str(path))]
        prober = self._start((sys.executable, "-I", "-m", "llmdeploy.prober", *configs), "prober.log")
        wait_for(lambda: Path(self.config.port_file).exists() or prober.poll() is not None)
        assert prober.poll() is None, self.log
        return prober

    @property
    def log(self) -> str:
        return (self.folder / "prober.log").read_text()

    def snapshot(self, window_s: float = 60.0) -> Snapshot:
        return read_snapshot(Path(self.config.history), time.time() - window_s)

    def metrics(self) -> dict[str, float]:
        """The prober's own metrics, by name with labels."""
        port = Path(self.config.port_file).read_text().strip()
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=5) as answer:
            lines = answer.read().decode().splitlines()
        return {name: float(value) for name, value in (line.rsplit(" ", 1) for line in lines if line[0] != "#")}

    def stop(self) -> None:
        for process in self.processes:
            if process.poll() is None:
                os.kill(process.pid, signal.SIGKILL)
            process.wait()

    def _start(self, argv: tuple[str, ...], log: str) -> subprocess.Popen[bytes]:
        with (self.folder / log).open("ab") as output:
            process = subprocess.Popen(argv, stdout=output, stderr=output)
        self.processes.append(process)
        return process
