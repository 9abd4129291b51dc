"""A real engine for tests: llama.cpp with the embedded model on a free port of loopback."""

from __future__ import annotations

import re
import secrets
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import llmdeploy
from llmdeploy.endpoint import Endpoint
from llmdeploy.secret import Secret

MODEL_FILE = Path(llmdeploy.__file__).parent / "models" / "demo" / "llmdeploy-demo-Q8_0.gguf"
CONTEXT = 512  # tokens a slot, as the embedded model was trained
STOP_SECONDS = 10


@contextmanager
def running_engine(slots: int = 4, threads: int = 1, context: int = CONTEXT) -> Iterator[tuple[Endpoint, int]]:
    """The endpoint and the process id of an engine that answers; it is stopped by its id when the block ends."""
    with tempfile.TemporaryDirectory(prefix="engine-") as folder:
        key = secrets.token_urlsafe(16)
        key_file = Path(folder, "key")
        key_file.touch(mode=0o600)
        key_file.write_text(key)
        log = Path(folder, "log")
        process = _start(key_file, log, slots, threads, context)
        try:
            yield Endpoint(url=_address(process, log), model="demo", key=Secret(key)), process.pid
        finally:
            _stop(process)


def _start(key_file: Path, log: Path, slots: int, threads: int, context: int) -> subprocess.Popen[str]:
    flags = {
        "--model": MODEL_FILE, "--alias": "demo", "--host": "127.0.0.1", "--port": 0,
        "--ctx-size": context * slots, "--parallel": slots, "--ctx-checkpoints": 4,
        "--threads": threads, "--api-key-file": key_file,
    }  # fmt: skip
    words = [str(part) for pair in flags.items() for part in pair]
    argv = [sys.executable, "-m", "llmdeploy.engines.llamacpp", *words]
    with log.open("w") as stderr:
        return subprocess.Popen(argv, stdout=subprocess.PIPE, stderr=stderr, text=True)


def _address(process: subprocess.Popen[str], log: Path) -> str:
    """What the engine prints once the model is loaded; its output ends when it dies, so this always returns."""
    assert process.stdout is not None
    for line in process.stdout:
        if found := re.search(r"http://\S+", line):
            return found[0]
    raise RuntimeError(f"the engine did not start:\n{log.read_text()[-2000:]}")


def _stop(process: subprocess.Popen[str]) -> None:
    process.terminate()
    try:
        process.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    if process.stdout is not None:
        process.stdout.close()
