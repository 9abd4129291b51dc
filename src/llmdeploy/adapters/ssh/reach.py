"""How to call OpenSSH's programs for a host."""

from __future__ import annotations

from dataclasses import dataclass

CONNECT_SECONDS = 10
QUIET = ("-o", "BatchMode=yes", "-o", f"ConnectTimeout={CONNECT_SECONDS}", "-o", "ServerAliveInterval=5")


@dataclass(frozen=True)
class Reach:
    """Where a host is: `options` are those of ssh, `local` means this machine, without SSH."""

    name: str
    address: str
    options: tuple[str, ...] = ()
    executable: str = "ssh"
    local: bool = False

    def command(self, line: str) -> tuple[str, ...]:
        """What runs `line` in a shell of the host."""
        if self.local:
            return ("/bin/sh", "-c", line)
        return (self.executable, *QUIET, *self.options, "--", self.address, line)

    def sftp(self, batch: str) -> tuple[str, ...]:
        """What carries out a file of sftp commands."""
        client = () if self.executable == "ssh" else ("-S", self.executable)
        return ("sftp", *client, *QUIET, *_for_sftp(self.options), "-b", batch, "--", self.address)


def _for_sftp(options: tuple[str, ...]) -> list[str]:
    """ssh's `-l user` and `-p port` as sftp takes them."""
    found: list[str] = []
    taken = iter(options)
    for one in taken:
        if one == "-l":
            found += ["-o", f"User={next(taken)}"]
        elif one == "-p":
            found += ["-P", next(taken)]
        else:
            found.append(one)
    return found
