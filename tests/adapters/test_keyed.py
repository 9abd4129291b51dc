"""`adapters.keyed`: a secret in one environment variable, and no process that outlives the program."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from tests.waiting import alive, until

# The family of processes: a stand-in for vLLM with a core that leaves with nobody and hears no SIGTERM, as vLLM's does.

FAMILY = """\
import os, signal, subprocess, sys, time
CORE = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('core', flush=True); time.sleep(60)"
core = subprocess.Popen([sys.executable, "-c", CORE], stdout=subprocess.PIPE)
core.stdout.readline()
print(os.getpid(), core.pid, os.environ["SECRET"], flush=True)
if "end" in sys.argv:
    sys.exit(7)
time.sleep(60)
"""


class Started:
    """The keeper, and the process ids of the program and of its core."""

    def __init__(self, folder: Path, *arguments: str, within: str = "") -> None:
        key = folder / "key"
        key.write_text("s3cret\n")
        program = [sys.executable, "-c", FAMILY, *arguments]
        keeper = [sys.executable, "-I", "-m", "llmdeploy.adapters.keyed", "--key-file", str(key)]
        command = [*keeper, "--variable", "SECRET", "--", *program]
        if within:
            command = [sys.executable, "-c", within, *command]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        assert self.process.stdout
        pid, core, self.secret = self.process.stdout.readline().split()
        self.program, self.core = psutil.Process(int(pid)), psutil.Process(int(core))

    def all_gone(self) -> bool:
        return not any(alive(one) for one in (self.program, self.core))


linux_only = pytest.mark.skipif(sys.platform != "linux", reason="orphans are adopted on Linux alone")


@linux_only
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_no_process_outlives_a_program_that_is_killed(tmp_path: Path, number: signal.Signals) -> None:
    started = Started(tmp_path)
    started.program.send_signal(number)
    assert started.process.wait(10) == 128 + number
    assert started.all_gone()


@linux_only
def test_no_process_outlives_a_program_that_ends_and_its_status_is_told(tmp_path: Path) -> None:
    started = Started(tmp_path, "end")
    assert started.process.wait(10) == 7
    assert started.all_gone()


@linux_only
def test_told_to_end_it_ends_all(tmp_path: Path) -> None:
    started = Started(tmp_path)
    started.process.terminate()
    assert started.process.wait(10) == 128 + signal.SIGTERM
    assert started.all_gone()


@linux_only
def test_no_process_outlives_a_killed_supervisor(tmp_path: Path) -> None:
    parent = "import subprocess, sys; subprocess.run(sys.argv[1:])"
    started = Started(tmp_path, within=parent)
    started.process.kill()
    started.process.wait(5)
    until(started.all_gone, 10)


def test_the_secret_is_in_the_environment_and_in_no_argument(tmp_path: Path) -> None:
    started = Started(tmp_path)
    try:
        assert started.secret == "s3cret"
        family = [psutil.Process(started.process.pid), started.program, started.core]
        assert not any("s3cret" in part for one in family for part in one.cmdline())
    finally:
        started.process.terminate()
        started.process.wait(10)
