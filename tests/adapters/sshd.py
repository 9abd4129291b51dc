"""A real SSH server on a loopback port, with a host key and a login key of its own; it ends with the test."""

from __future__ import annotations

import contextlib
import getpass
import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from llmdeploy.adapters.orphans import die_with_parent
from llmdeploy.adapters.ssh.reach import Reach
from tests.command import free_port

CONFIG = """\
ListenAddress 127.0.0.1
HostKey {folder}/host
AuthorizedKeysFile {folder}/login.pub
StrictModes no
UsePAM no
PidFile none
PermitRootLogin prohibit-password
PasswordAuthentication no
Subsystem sftp internal-sftp
{more}
"""


def program() -> str:
    found = shutil.which("sshd", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin")
    if not found or not shutil.which("ssh-keygen"):
        pytest.skip("needs an OpenSSH server (sshd)")
    return found


@contextlib.contextmanager
def sshd(folder: Path, more: str = "") -> Iterator[Reach]:
    """The server, and how its only user reaches it."""
    server, port = program(), free_port()
    for name in ("host", "login"):
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", folder / name], check=True)
    (folder / "config").write_text(CONFIG.format(folder=folder, more=more))
    if os.getuid() == 0:
        Path("/run/sshd").mkdir(mode=0o755, exist_ok=True)  # root's server insists on it; its package's unit makes it
    with (folder / "log").open("w") as log:
        command = [server, "-D", "-e", "-f", folder / "config", "-p", str(port)]
        process = subprocess.Popen(command, stderr=log, preexec_fn=die_with_parent)
        try:
            _wait(port, process, folder / "log")
            (folder / "known").write_text(f"[127.0.0.1]:{port} {(folder / 'host.pub').read_text()}")
            yield reach(folder, port)
        finally:
            process.terminate()
            process.wait(10)


def reach(folder: Path, port: int, known: str = "known") -> Reach:
    own = ("-F", "none", "-i", str(folder / "login"), "-o", "IdentitiesOnly=yes", "-o", "StrictHostKeyChecking=yes")
    place = ("-o", f"UserKnownHostsFile={folder / known}", "-l", getpass.getuser(), "-p", str(port))
    return Reach("box", "127.0.0.1", own + place)


def _wait(port: int, process: subprocess.Popen[bytes], log: Path) -> None:
    for _ in range(100):
        assert process.poll() is None, log.read_text()
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            return
        time.sleep(0.05)
    raise AssertionError("sshd does not listen")
