"""Monitor on this machine: the prober beside the engine, and how both are now."""

from __future__ import annotations

import sys
import time
from collections import deque
from pathlib import Path

from llmdeploy.adapters.http import healthy
from llmdeploy.adapters.resolve_model import golden_file
from llmdeploy.adapters.supervisor import Program, Supervisor
from llmdeploy.adapters.waiting import pause
from llmdeploy.deployment import Deployment
from llmdeploy.engines import engine
from llmdeploy.errors import MissingError, StepError
from llmdeploy.plan import Plan
from llmdeploy.prober.config import ProberConfig
from llmdeploy.run import Recorder
from llmdeploy.targets import Status
from llmdeploy.targets.local.serving import endpoint_of, load_deadline
from llmdeploy.units import known_duration, known_size

PROBER_SECONDS = 15.0


def watch_local(plan: Plan, deployment: Deployment, recorder: Recorder) -> None:
    state = deployment.state
    supervisor = Supervisor(state.supervisor)
    with recorder.entry("prober") as entry:
        config = state.path / "prober.json"
        wanted = prober_config(plan, deployment)
        changed = not config.exists() or ProberConfig.read(config) != wanted
        if changed:
            supervisor.remove("prober")
            wanted.write(config)
        argv = (sys.executable, "-I", "-m", "llmdeploy.prober", "--config", str(config.absolute()))
        former = _written(Path(wanted.port_file))
        started = supervisor.ensure(Program("prober", argv))
        port = _wait_for_port(supervisor, Path(wanted.port_file), former if started else 0)
        where = f"metrics on http://{wanted.host}:{port}/metrics, golden prompts every {wanted.interval_s:g} s"
        if started:
            entry.changed(f"started, {where}")
        else:
            entry.detail = where


def prober_config(plan: Plan, deployment: Deployment) -> ProberConfig:
    state = deployment.state
    endpoint = endpoint_of(plan, deployment)
    monitor, test = plan.spec["monitor"], plan.spec["test"]
    golden = golden_file(test["golden"], plan.model, deployment.environment.cwd)
    return ProberConfig(
        url=endpoint.url,
        model=endpoint.model,
        key_file=str(state.key_file.absolute()),
        history=str(state.history.absolute()),
        port_file=str((state.path / "prober.port").absolute()),
        supervisor_folder=str(state.supervisor.absolute()),
        metrics=engine(plan.engine).metrics,
        health_path=endpoint.health_path,
        metrics_path=endpoint.metrics_path,
        golden=str(golden or ""),
        interval_s=known_duration(monitor["interval"]),
        port=monitor["port"],
        history_bytes=known_size(monitor["history"]),
        min_accuracy=test["min_accuracy"],
    )


def _written(file: Path) -> int:
    """When a file was written last, in nanoseconds; 0 where there is none."""
    return file.stat().st_mtime_ns if file.exists() else 0


def _wait_for_port(supervisor: Supervisor, file: Path, former: int) -> int:
    """The port that the prober has written since `former`; it prefers the one that it had before."""
    begun = time.monotonic()
    while _written(file) <= former:
        process = supervisor.process("prober")
        if process is None or process.state in ("BACKOFF", "FATAL", "EXITED"):
            raise StepError("the prober ended at its start", "read its log: `llmdeploy logs prober`")
        if time.monotonic() > begun + PROBER_SECONDS:
            raise StepError(
                f"the prober did not start within {PROBER_SECONDS:.0f} s",
                "read its log: `llmdeploy logs prober`",
            )
        pause(begun)
    return int(file.read_text())


def status_of(plan: Plan, deployment: Deployment) -> Status:
    supervisor = Supervisor(deployment.state.supervisor)
    process, prober = supervisor.process("engine"), supervisor.process("prober")
    watching = prober.state.lower() if prober else "absent"
    if process is None:
        return Status("absent", False, "nothing is deployed", prober=watching)
    up = process.alive and healthy(endpoint_of(plan, deployment))
    state = {"STARTING": "starting", "STOPPED": "stopped"}.get(process.state, "failing")
    if process.state == "RUNNING" and time.time() - process.started_at < load_deadline(plan):
        state = "starting"  # it loads the model
    return Status("running" if up else state, up, process.detail, process.started_at, watching, {"pid": process.pid})


def log_file(deployment: Deployment, program: str) -> Path:
    state = deployment.state
    return state.supervisor / "supervisord.log" if program == "supervisor" else state.logs / f"{program}.log"


def last_lines(deployment: Deployment, program: str, lines: int) -> tuple[str, list[str]]:
    """Raises MissingError where the program has written nothing."""
    path = log_file(deployment, program)
    if not path.exists():
        raise MissingError(f"{program} has written nothing yet ({path})", "run `llmdeploy up`")
    with path.open(encoding="utf-8", errors="replace") as file:
        return str(path), [line.rstrip("\n") for line in deque(file, lines)]
