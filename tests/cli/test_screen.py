"""What a person sees on a real terminal."""

from __future__ import annotations

import os
import pty
import re
import subprocess
import sys
from pathlib import Path

import pytest

COLOUR = re.compile(r"\x1b\[[0-9;]*3[0-7]m")


def on_a_terminal(folder: Path, **variables: str) -> str:
    """Everything that `llmdeploy prepare` writes to a terminal."""
    leader, follower = pty.openpty()
    environment = {key: value for key, value in os.environ.items() if key != "NO_COLOR"}
    environment |= {"TERM": "xterm-256color", "COLUMNS": "120", **variables}
    argv = [sys.executable, "-I", "-m", "llmdeploy", "prepare"]
    process = subprocess.Popen(argv, cwd=folder, env=environment, stdin=follower, stdout=follower, stderr=follower)
    os.close(follower)
    seen = b""
    while True:
        try:
            piece = os.read(leader, 65536)
        except OSError:  # the other end is closed
            break
        if not piece:
            break
        seen += piece
    os.close(leader)
    assert process.wait(10) == 0
    return seen.decode()


def test_colour_on_a_terminal_and_none_where_it_is_not_wanted(tmp_path: Path) -> None:
    coloured, plain = on_a_terminal(tmp_path), on_a_terminal(tmp_path, NO_COLOR="1")
    for seen in (coloured, plain):
        assert "this machine" in seen
        assert "plan " in seen
    assert COLOUR.search(coloured)
    assert not COLOUR.search(plain)


def test_a_dumb_terminal_gets_plain_lines(tmp_path: Path) -> None:
    assert "\x1b" not in on_a_terminal(tmp_path, TERM="dumb")


@pytest.mark.parametrize("verb", ["prepare", "schema"])
def test_data_goes_to_stdout_and_talk_to_stderr(tmp_path: Path, verb: str) -> None:
    argv = [sys.executable, "-I", "-m", "llmdeploy", verb, "--json"]
    ran = subprocess.run(argv, cwd=tmp_path, capture_output=True, text=True)
    assert ran.stdout.startswith("{")
    assert ran.stderr == ""
