"""Runs the command line in this process, as a person would: arguments in; text, JSON and exit code out."""

from __future__ import annotations

import contextlib
import io
import json
import os
import socket
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from llmdeploy.cli.main import program
from llmdeploy.environment import Environment

# A short test of every kind, so that a whole `up` takes two seconds.
SHORT = """\
name: {name}
access: {{port: {port}}}
workload: {{concurrency: 2, prompt_tokens: 32, output_tokens: 16}}
test: {{load: {{duration: 300ms}}}}
monitor: {{interval: 1s}}
"""


@dataclass(frozen=True)
class Result:
    exit_code: int
    stdout: str
    stderr: str

    @property
    def json(self) -> Any:
        return json.loads(self.stdout)


def llmdeploy(*args: str, cwd: Path, stdin: str = "", variables: Mapping[str, str] | None = None) -> Result:
    """One command in `cwd`, with the caller's environment and `variables` over it."""
    out, err = io.StringIO(), io.StringIO()
    world = {**os.environ, "NO_COLOR": "1", **(variables or {})}
    environment = Environment(io.StringIO(stdin), out, err, cwd, world)
    code = program(args, environment)
    return Result(int(code), out.getvalue(), err.getvalue())


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@contextlib.contextmanager
def deployed(cwd: Path, name: str = "demo") -> Iterator[Result]:
    """A deployment made by `up` in `cwd`, taken down at the end."""
    (cwd / "llmdeploy.yaml").write_text(SHORT.format(name=name, port=free_port()))
    try:
        yield llmdeploy("up", "-y", cwd=cwd)
    finally:
        llmdeploy("down", cwd=cwd)
