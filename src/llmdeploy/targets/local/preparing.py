"""Setup on this machine: folders, key, what the engine needs, supervisor."""

from __future__ import annotations

import ctypes
import os
import secrets
import shutil
import socket
from pathlib import Path
from typing import TYPE_CHECKING

from llmdeploy.adapters.supervisor import Supervisor
from llmdeploy.adapters.weights.from_hub import stored
from llmdeploy.deployment import Deployment
from llmdeploy.engines import engine
from llmdeploy.errors import MissingError
from llmdeploy.plan import Plan
from llmdeploy.run import Recorder
from llmdeploy.state import StateFolder, write_private

if TYPE_CHECKING:
    import psutil

KEY_BYTES = 32
DISK_MARGIN = 200 * 2**20  # logs (3 x 10 MB for each of two programs), history (64 MiB) and reports


def setup_local(plan: Plan, deployment: Deployment, recorder: Recorder) -> None:
    state = deployment.state
    with recorder.entry("engine runtime") as entry:
        check_runtime(plan.engine)
        entry.detail = plan.engine
    with recorder.entry("port") as entry:
        entry.detail = check_port(plan, deployment)
    with recorder.entry("disk") as entry:
        entry.detail = check_disk(plan, deployment)

    with recorder.entry("supervisor") as entry:
        started = Supervisor(state.supervisor).launch_daemon()
        if started:
            entry.changed("started")
        else:
            entry.detail = "running"
    with recorder.entry("API key") as entry:
        if make_key(state):
            entry.changed(f"made, in {state.key_file}")
        else:
            entry.detail = f"in {state.key_file}"


def make_key(state: StateFolder) -> bool:
    """The key and the same as an HTTP header; true when something was changed."""
    changed = _make_key_file(state)
    header = f"Authorization: Bearer {state.key().reveal()}\n"
    if not state.key_header.exists() or state.key_header.read_text() != header:
        write_private(state.key_header, header)
        changed = True
    return changed


def _make_key_file(state: StateFolder) -> bool:
    """A random key of 256 bits in a file of mode 0600; an existing one stays."""
    try:
        handle = os.open(state.key_file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        if not state.key_file.read_text().strip():  # a full disk or a kill between making and writing it
            state.key_file.unlink()
            return _make_key_file(state)
        if state.key_file.stat().st_mode & 0o077:
            state.key_file.chmod(0o600)
            return True
        return False
    with os.fdopen(handle, "w") as file:
        file.write(f"ld-{secrets.token_urlsafe(KEY_BYTES)}\n")
    return True


def check_runtime(name: str) -> None:
    reason = engine(name).missing()
    if reason:
        raise MissingError(f"the engine {name} cannot run: {reason}", "install it: `llmdeploy doctor` says how")
    if name != "llamacpp":
        return
    try:
        ctypes.CDLL("libgomp.so.1")
    except OSError:
        raise MissingError(
            "the library libgomp.so.1 is missing, and llama.cpp needs it",
            "apt-get install libgomp1 (Debian, Ubuntu) or dnf install libgomp (Fedora, RHEL)",
        ) from None


def check_port(plan: Plan, deployment: Deployment) -> str:
    """Whether the address is free or already our engine's.

    Raises MissingError with the holder and the next free port where somebody else has it.
    """
    problem = _bind(plan.host, plan.port)
    if not problem:
        return f"{plan.host}:{plan.port} is free"
    holder = _listener(plan.port)
    engine_process = Supervisor(deployment.state.supervisor).process("engine")
    if holder and engine_process and engine_process.pid in {holder.pid, *(one.pid for one in holder.parents())}:
        return f"{plan.host}:{plan.port}, ours"
    free = next((port for port in range(plan.port + 1, min(plan.port + 200, 65535)) if not _bind(plan.host, port)), 0)
    who = f" (process {holder.pid}, {holder.name()})" if holder else ""
    raise MissingError(
        f"cannot listen on {plan.host}:{plan.port}: {problem}{who}",
        f"take another port: `llmdeploy up --port {free}`" if free else "give access.host an address of this machine",
    )


def _bind(host: str, port: int) -> str:
    """Why nobody can listen there, or an empty text."""
    try:
        family, kind, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        with socket.socket(family, kind) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address)
            probe.listen(1)
    except OSError as error:
        return error.strerror or str(error)
    return ""


def _listener(port: int) -> psutil.Process | None:
    """Who listens on the port, where the system tells us."""
    import psutil

    try:
        for connection in psutil.net_connections("tcp"):
            if connection.status != psutil.CONN_LISTEN or not connection.laddr or not connection.pid:
                continue
            if connection.laddr.port == port:
                return psutil.Process(connection.pid)
    except psutil.Error:
        return None
    return None


def check_disk(plan: Plan, deployment: Deployment) -> str:
    """Room for logs, history and weights not fetched yet. Raises MissingError where it is short."""
    needed = DISK_MARGIN
    if plan.model.source == "hub" and stored(plan.model, deployment.models) is None:
        needed += plan.model.size_bytes
    folder = _existing(deployment.models)
    free = shutil.disk_usage(folder).free
    if free < needed:
        raise MissingError(
            f"{folder} has {free / 2**30:.2f} GiB free, and {needed / 2**30:.2f} GiB are needed",
            "free some space, or keep models elsewhere: LLMDEPLOY_MODELS=/path/to/folder",
        )
    return f"{free / 2**30:.1f} GiB free, {needed / 2**30:.2f} GiB needed"


def _existing(path: Path) -> Path:
    while not path.exists():
        path = path.parent
    return path
