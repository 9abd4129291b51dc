"""Files to a host by sftp, which goes on where it was cut off."""

from __future__ import annotations

import subprocess
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from llmdeploy.adapters.ssh.reach import Reach
from llmdeploy.errors import StepError

POLL_SECONDS = 0.2


def upload(
    reach: Reach, files: Sequence[tuple[Path, str]], folder: str, tell: Callable[[int], None] = lambda done: None
) -> int:
    """Send local files to `folder` under the given names; what is there already is not sent again.

    Returns the bytes that were sent. Raises StepError with sftp's own words.
    """
    there = _sizes(_sftp(reach, [*_folders(folder), f"-ls -ln {_quoted(folder)}"], lambda process: None))
    todo = [(local, name, there.get(name, -1)) for local, name in files if there.get(name, -1) != local.stat().st_size]
    lines = [
        f"{'reput' if 0 <= size < local.stat().st_size else 'put'} {_quoted(str(local))} {_quoted(f'{folder}/{name}')}"
        for local, name, size in todo
    ]
    if lines:
        _sftp(reach, lines, lambda process: _watch(process, tell))
    total = sum(local.stat().st_size - max(0, size) for local, _, size in todo)
    tell(total)
    return total


def _sftp(reach: Reach, lines: Sequence[str], wait: Callable[[subprocess.Popen[bytes]], None]) -> str:
    with tempfile.TemporaryDirectory(prefix="llmdeploy-") as place:
        batch = Path(place) / "batch"
        batch.write_text("".join(f"{line}\n" for line in lines))
        with (Path(place) / "said").open("w+") as said:
            process = subprocess.Popen(reach.sftp(str(batch)), stdout=said, stderr=said, stdin=subprocess.DEVNULL)
            try:
                wait(process)
                process.wait()
            except BaseException:
                process.terminate()
                process.wait()
                raise
            said.seek(0)
            words = said.read()
    if process.returncode:
        told = [line for line in words.splitlines() if line and not line.startswith("sftp>")]
        raise StepError(
            f"{reach.name}: the upload failed: {told[-1] if told else f'exit {process.returncode}'}",
            "run the same command again: it goes on where it was cut off",
        )
    return words


def _folders(folder: str) -> list[str]:
    parents = folder.strip("/").split("/")
    return [f"-mkdir {_quoted('/' + '/'.join(parents[:length]))}" for length in range(2, len(parents) + 1)]


def _sizes(listing: str) -> dict[str, int]:
    """Sizes by name out of `ls -ln`: mode, links, user, group, size, three words of time, path."""
    found = {}
    for line in listing.splitlines():
        fields = line.split(maxsplit=8)
        if len(fields) == 9 and fields[0].startswith("-") and fields[4].isdigit():
            found[fields[8].rpartition("/")[2]] = int(fields[4])
    return found


def _quoted(path: str) -> str:
    escaped = path.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def _watch(process: subprocess.Popen[bytes], tell: Callable[[int], None]) -> None:
    """sftp is silent in a batch, so the progress is what the kernel says that it has read."""
    counter = Path(f"/proc/{process.pid}/io")
    while process.poll() is None:
        time.sleep(POLL_SECONDS)
        tell(_read_bytes(counter))


def _read_bytes(counter: Path) -> int:
    try:
        fields = dict(line.split(": ") for line in counter.read_text().splitlines())
    except (OSError, ValueError):
        return 0
    return int(fields.get("rchar", 0))
