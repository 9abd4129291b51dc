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
from tests import debian_package
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
    found = shutil.which("sshd", path="/usr/sbin:/usr/local/sbin")
    found = found or debian_package.program("sshd", "usr/sbin/sshd", "openssh-server", "libwrap0")
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
        command = [*_with_its_user(folder), server, "-D", "-e", "-f", str(folder / "config"), "-p", str(port)]
        process = subprocess.Popen(command, stderr=log, preexec_fn=die_with_parent, env=_libraries(Path(server)))
        try:
            _wait(port, process, folder / "log")
            (folder / "known").write_text(f"[127.0.0.1]:{port} {(folder / 'host.pub').read_text()}")
            yield reach(folder, port)
        finally:
            process.terminate()
            process.wait(10)


def _with_its_user(folder: Path) -> list[str]:
    """As root the server wants a user `sshd`; where its package is not installed it sees one that only it sees."""
    known = Path("/etc/passwd").read_text()
    if os.getuid() or "\nsshd:" in known:
        return []
    (folder / "passwd").write_text(f"{known}sshd:x:65533:65534::/run/sshd:/usr/sbin/nologin\n")
    mount = 'mount --bind "$0" /etc/passwd && exec "$@"'
    return ["unshare", "--mount", "sh", "-c", mount, str(folder / "passwd")]


def _libraries(server: Path) -> dict[str, str]:
    """The environment, with the libraries that were unpacked beside the server."""
    beside = ":".join(str(path) for path in server.parents[1].glob("lib/*-linux-gnu*"))
    return {**os.environ, "LD_LIBRARY_PATH": beside} if server.parents[2] != Path("/") else dict(os.environ)


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
