"""Down on this machine: stop what runs, then look for what is left."""

from __future__ import annotations

import socket
from pathlib import Path

from llmdeploy.adapters.supervisor import Supervisor
from llmdeploy.deployment import Deployment
from llmdeploy.errors import StepError
from llmdeploy.run import Recorder


def down_local(deployment: Deployment, recorder: Recorder) -> None:
    state = deployment.state
    supervisor = Supervisor(state.supervisor)
    engine = supervisor.process("engine")
    # While our engine runs the address is ours; else somebody else may have taken it since.
    address = state.load_outputs().get("address") if engine and engine.alive else None
    with recorder.entry("stop") as entry:
        if supervisor.stop():
            entry.changed("engine, prober and supervisor ended")
        else:
            entry.detail = "nothing was running"
    for name in ("outputs.json", "deployed.json", "prober.json", "prober.port"):
        (state.path / name).unlink(missing_ok=True)
    with recorder.entry("nothing left") as entry:
        left = _processes(state.path)
        if address and _listening(*address):
            left.append(f"a listener on {address[0]}:{address[1]}")
        if left:
            raise StepError(
                f"still there: {', '.join(left)}",
                "end them by their process id and run `llmdeploy down` again",
            )
        entry.detail = f"no process, no port; history and reports stay in {state.path}{_fetched(deployment)}"


def _processes(folder: Path) -> list[str]:
    """Processes whose command line names our state folder, as engine, prober and supervisor do, and vLLM's workers,
    whose title takes the place of their command line: they stand in the supervisor's folder."""
    import psutil

    own = str(folder.absolute())
    found = []
    for process in psutil.process_iter(["cmdline", "cwd"]):
        line = process.info["cmdline"] or []
        ours = any(part.startswith(own + "/") for part in line)
        worker = bool(line) and line[0].startswith("VLLM::") and (process.info["cwd"] or "").startswith(own + "/")
        if worker or (ours and any(part.startswith(("llmdeploy.", "supervisor.", "vllm.")) for part in line)):
            found.append(f"process {process.pid} ({' '.join(line[:5])})")
    return found


def _fetched(deployment: Deployment) -> str:
    """Models are shared with other deployments and stay; say where, if any were fetched."""
    models = deployment.models
    fetched = models.is_dir() and any(not one.name.startswith(".") for one in models.iterdir())
    return f", fetched models in {models}" if fetched else ""


def _listening(host: str, port: int) -> bool:
    try:
        with socket.create_connection((host, port), timeout=0.5):
            return True
    except OSError:
        return False
