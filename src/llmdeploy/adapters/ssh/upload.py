"""Files to a host by sftp, which goes on where it was cut off."""

from __future__ import annotations

import shutil
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
    if reach.local:
        return _copy(files, Path(folder), tell)
    inner = sorted({name.rpartition("/")[0] for _, name in files})
    there = _sizes(reach, [f"{folder}/{place}".rstrip("/") for place in inner])
    lines, total = [], 0
    for local, name in files:
        target, size = f"{folder}/{name}", local.stat().st_size
        done = there.get(target, 0)
        whole = done > size or target not in there  # a longer one is another
        if whole or done < size:
            lines.append(f"{'put' if whole else 'reput'} {_quoted(str(local))} {_quoted(target)}")
            total += size if whole else size - done
    if lines:
        _sftp(reach, lines, lambda process: _watch(process, tell))
    tell(total)
    return total


def _copy(files: Sequence[tuple[Path, str]], folder: Path, tell: Callable[[int], None]) -> int:
    """The same on this machine."""
    total = 0
    for local, name in files:
        target = folder / name
        if target.is_file() and target.stat().st_size == local.stat().st_size:
            continue
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(local, target)
        total += local.stat().st_size
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


def _sizes(reach: Reach, folders: Sequence[str]) -> dict[str, int]:
    """Sizes of what is in these folders, which are made, by whole path.

    Out of `ls -ln`: mode, links, user, group, size, three words of time, path.
    """
    found = {}
    made = dict.fromkeys(line for folder in folders for line in _folders(folder))
    for folder in folders:
        listing = _sftp(reach, [*made, f"-ls -ln {_quoted(folder)}"], lambda process: None)
        for line in listing.splitlines():
            fields = line.split(maxsplit=8)
            if len(fields) == 9 and fields[0].startswith("-") and fields[4].isdigit():
                found[f"{folder}/{fields[8].rpartition('/')[2]}"] = int(fields[4])
        made = {}
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
