"""Real hosts for tests: systemd, sshd, apt and a network cable each, from tests/hosts/testhosts.sh.

    with fleet(3) as hosts:                       # or the fixture `three_hosts` of tests/hosts/conftest.py
        hosts.run("edge1", "systemctl is-active llmdeploy-demo-gateway")
        hosts.crash("edge2")

A lock makes test runs wait for each other, and hosts that somebody brought up by hand are not taken down. They can be
used, with TH_ADOPT=1: then nothing is brought up or down, and the first hosts that run get new disks; TH_HOSTS="edge3
edge4" says which ones. TH_DIR is the folder of testhosts.sh; TH_NAME, TH_NET and TH_BRIDGE let a fleet stand
beside another.
"""

from __future__ import annotations

import fcntl
import os
import subprocess
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

SCRIPT = Path(__file__).with_name("testhosts.sh")
OWNER = "tests"
WAIT_FOR_THE_FLEET = 1800  # seconds: another test run may hold it

WAIT_FOR_A_VERB = 900  # seconds: the first `up` of a machine builds the base


@dataclass(frozen=True)
class Host:
    """One host: its name, which is also its name for ssh, and its address."""

    name: str
    address: str


@dataclass(frozen=True)
class Fleet:
    """Hosts that run, and what can be done to them. Every verb takes a host's name."""

    hosts: tuple[Host, ...]
    folder: Path
    run_folder: Path

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(host.name for host in self.hosts)

    @property
    def ssh_config(self) -> Path:
        """For `ssh -F`: address, user `ops` (sudo without a password), key and pinned host keys of each host."""
        return self.run_folder / "ssh_config"

    @property
    def known_hosts(self) -> Path:
        return self.run_folder / "known_hosts"

    @property
    def key(self) -> Path:
        """The private key of user `ops`."""
        return self.folder / "id"

    def address(self, name: str) -> str:
        return next(host.address for host in self.hosts if host.name == name)

    def inventory(self) -> str:
        """An INI inventory for Ansible with these hosts."""
        variables = (
            f"ansible_ssh_common_args=-F {self.ssh_config}",
            f"ansible_control_path_dir={self.run_folder}/connections",  # `edge1` of another fleet is another host
            "ansible_python_interpreter=/usr/bin/python3",
        )
        return "\n".join(["[all]", *self.names, "[all:vars]", *variables, ""])

    def run(
        self, name: str, command: str, *, check: bool = True, timeout: float = 60, given: str | None = None
    ) -> subprocess.CompletedProcess[str]:
        """A shell command on a host as user `ops`; fails the test where it fails, unless told not to check."""
        ssh = ["ssh", "-F", str(self.ssh_config), "-o", "BatchMode=yes", "-o", "ConnectTimeout=10", name, "--", command]
        feed = {"stdin": subprocess.DEVNULL} if given is None else {"input": given}
        done = subprocess.run(ssh, capture_output=True, text=True, timeout=timeout, **feed)
        assert not check or done.returncode == 0, f"{name}: {command!r} gave {done.returncode}: {done.stderr}"
        return done

    def crash(self, name: str) -> None:
        """Pull the plug."""
        verb("crash", name)

    def stop(self, name: str) -> None:
        """Shut down in order."""
        verb("stop", name)

    def start(self, name: str) -> None:
        """Switch on, and wait until ssh answers."""
        verb("start", name)

    def unplug(self, name: str) -> None:
        """Take the network cable out."""
        verb("unplug", name)

    def plug(self, name: str) -> None:
        """Put the network cable in."""
        verb("plug", name)

    def reset(self, name: str) -> None:
        """Give it a new disk, as at the first start; it runs afterwards."""
        verb("plug", name)
        verb("reset", name)

    def reset_all(self) -> None:
        """New disks for all, side by side."""
        with ThreadPoolExecutor() as pool:
            list(pool.map(self.reset, self.names))

    def restore(self) -> None:
        """Every cable in, every host on; disks stay as they are."""
        for name in self.names:
            self.plug(name)
            self.start(name)

    def processor_seconds(self, name: str) -> float:
        """What a host has used of this machine's processors since it was switched on."""
        used = Path("/sys/fs/cgroup/cpuacct", self.run_folder.name.removeprefix("fleet-"), name, "cpuacct.usage")
        return int(used.read_text("ascii")) / 1e9

    def log(self, name: str) -> str:
        """What the console said."""
        return verb("log", name)


def verb(*arguments: str) -> str:
    """One call of testhosts.sh; its message is the error."""
    environ = {**os.environ, "TH_OWNER": OWNER}
    command = [str(SCRIPT), *arguments]
    done = subprocess.run(
        command, env=environ, capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=WAIT_FOR_A_VERB
    )
    assert done.returncode == 0, f"testhosts.sh {' '.join(arguments)}: {done.stderr}"
    return done.stdout


def folder() -> Path:
    return Path(os.environ.get("TH_DIR", "/var/tmp/testhosts"))


def run_folder() -> Path:
    """Of the fleet that TH_NAME names: addresses, host keys, disks."""
    return folder() / f"fleet-{os.environ.get('TH_NAME', 'testhosts')}"


def running() -> tuple[Host, ...]:
    """The hosts that there are, from what `status` prints: name, address, on or off."""
    lines = [line.split() for line in verb("status").splitlines()]
    return tuple(Host(name, address) for name, address, _ in lines)


def why_not() -> str:
    """Why this machine can have no hosts at all; empty where it can. Whatever else is missing is an error."""
    if os.geteuid() != 0:
        return "hosts need root"
    release = Path("/etc/os-release")
    if not release.exists() or "ID=debian\n" not in release.read_text("utf-8"):
        return "hosts need a Debian machine"
    return ""


@contextmanager
def fleet(number: int) -> Iterator[Fleet]:
    """That many hosts with fresh disks. Skips the test where the machine can have none."""
    if reason := why_not():
        pytest.skip(reason)
    if os.environ.get("TH_ADOPT") == "1":
        yield adopted(number)
        return
    folder().mkdir(parents=True, exist_ok=True)
    with locked(run_folder().with_suffix(".lock")):
        refuse_foreign()
        try:
            verb("up", str(number))
            yield Fleet(running(), folder(), run_folder())
        finally:
            verb("down")


def refuse_foreign() -> None:
    """Fail where hosts run that no test brought up."""
    owner = run_folder() / "owner"
    ours = owner.exists() and owner.read_text("utf-8").strip() == OWNER
    assert ours or not running(), (
        f"hosts run that no test brought up: `{SCRIPT.name} down` takes them down, TH_ADOPT=1 uses them"
    )


def adopted(number: int) -> Fleet:
    """Hosts of a fleet that runs already, with new disks."""
    wanted = os.environ.get("TH_HOSTS", "").split()
    there = [host for host in running() if not wanted or host.name in wanted]
    assert len(there) >= number, f"TH_ADOPT=1: {number} hosts are needed, there are {len(there)}"
    chosen = Fleet(tuple(there[:number]), folder(), run_folder())
    chosen.reset_all()
    return chosen


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold a lock; wait for another test run, but not for ever."""
    with path.open("w") as stream:
        until = time.monotonic() + WAIT_FOR_THE_FLEET
        while True:
            try:
                fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                assert time.monotonic() < until, f"another test run has had the hosts for {WAIT_FOR_THE_FLEET} s"
                time.sleep(0.5)
        yield
