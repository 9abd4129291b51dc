"""What the benchmarks share: running the command line as a person does, the bare engine, medians."""

from __future__ import annotations

import http.client
import json
import os
import socket
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import llmdeploy

MODEL_FILE = Path(llmdeploy.__file__).parent / "models/demo/llmdeploy-demo-Q8_0.gguf"
QUESTION = "What is the capital of France?"

# The engine as its own documentation starts it: same model, slots, context and threads as llmdeploy's plan.
BARE_ENGINE = """\
import signal, sys
import xllamacpp as x
p = x.CommonParams()
p.model.path, p.model_alias = sys.argv[1], {"demo"}
p.hostnames, p.port = ["127.0.0.1"], int(sys.argv[2])
p.n_parallel, p.n_ctx = 4, 2048
p.cpuparams.n_threads = p.cpuparams_batch.n_threads = int(sys.argv[3])
p.endpoint_metrics = p.endpoint_slots = p.use_jinja = p.offline = True
p.cache_ram_mib = 0
p.api_keys = [sys.stdin.readline().strip()]
signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})
s = x.Server(p)
signal.sigwait({signal.SIGTERM})
"""


def command(*args: str, cwd: Path, **more: str) -> subprocess.CompletedProcess[str]:
    """`llmdeploy ARGS` in `cwd`, as scripts/llmdeploy runs it."""
    environment = {**os.environ, **more}
    return subprocess.run(
        [sys.executable, "-I", "-m", "llmdeploy", *args], cwd=cwd, env=environment, capture_output=True, text=True
    )


def spec(folder: Path, port: int, more: str = "") -> None:
    (folder / "llmdeploy.yaml").write_text(f"name: bench\naccess: {{port: {port}}}\n{more}")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def seconds(action: Callable[[], object]) -> float:
    begun = time.perf_counter()
    action()
    return time.perf_counter() - begun


def median(values: list[float]) -> float:
    return statistics.median(values)


def ask(port: int, key: str, timeout: float = 5.0) -> str:
    """One chat answer; raises OSError while nobody listens."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=timeout)
    body = {"model": "demo", "messages": [{"role": "user", "content": QUESTION}], "max_tokens": 20, "temperature": 0}
    connection.request("POST", "/v1/chat/completions", json.dumps(body), _headers(key))
    answer = connection.getresponse()
    text = answer.read()
    connection.close()
    if answer.status != 200:
        raise OSError(f"HTTP {answer.status}")
    found: str = json.loads(text)["choices"][0]["message"]["content"]
    return found


def until_answered(port: int, key: str, limit_s: float = 30.0) -> str:
    deadline = time.monotonic() + limit_s
    while True:
        try:
            return ask(port, key)
        except OSError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.002)


@contextmanager
def bare_engine(port: int, threads: int, own_session: bool = True) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """The engine alone, with a key given on its standard input.

    In a session of its own, as from another terminal or as a service: Linux schedules sessions as groups
    (sched_autogroup), and an engine in the session of its load generator was seen to be 5 % quicker.
    """
    argv = [sys.executable, "-c", BARE_ENGINE, str(MODEL_FILE), str(port), str(threads)]
    process = subprocess.Popen(
        argv, stdin=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, start_new_session=own_session
    )
    try:
        if process.stdin:
            process.stdin.write("bench-key\n")
            process.stdin.flush()
        yield process, "bench-key"
    finally:
        process.terminate()
        process.wait(10)


def state(folder: Path) -> Path:
    return folder / ".llmdeploy" / "bench"


def plan_of(folder: Path) -> Mapping[str, object]:
    found: Mapping[str, object] = json.loads((state(folder) / "plan.json").read_text())
    return found


def _headers(key: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}
