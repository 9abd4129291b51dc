"""A page served for the length of a test."""

from __future__ import annotations

import http.client
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from llmdeploy.web.server import page_server


@contextmanager
def served(source: Callable[[], dict[str, Any]]) -> Iterator[int]:
    """The port of a page on loopback."""
    with page_server("127.0.0.1", 0, source) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield server.server_port
        finally:
            server.shutdown()
            thread.join()


@contextmanager
def monitored(folder: Path, name: str = "demo") -> Iterator[int]:
    """The port of the page that `llmdeploy monitor --web` serves for a deployment.

    Ctrl-C is its ordinary end."""
    command = [sys.executable, "-m", "llmdeploy", "monitor", "--web", "--name", name]
    process = subprocess.Popen(command, cwd=folder, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    with process, _ended(process):
        assert process.stdout is not None
        line = process.stdout.readline()
        assert "http://127.0.0.1:" in line, line
        yield int(line.split("http://127.0.0.1:")[1].split("/")[0])
        process.send_signal(signal.SIGINT)
        said = process.communicate(timeout=10)[1]
        assert (process.returncode, said) == (130, "")


@contextmanager
def _ended(process: subprocess.Popen[str]) -> Iterator[None]:
    try:
        yield
    finally:
        process.kill()


def asked(port: int, path: str, method: str = "GET", host: str = "") -> tuple[int, dict[str, str], bytes]:
    """(status, headers, body)."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.request(method, path, headers={"Host": host or f"127.0.0.1:{port}"})
        answer = connection.getresponse()
        return answer.status, {key.lower(): value for key, value in answer.getheaders()}, answer.read()
    finally:
        connection.close()
