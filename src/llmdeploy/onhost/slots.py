"""The two slots of a box: what is in each, which one serves, and what is being tried; on disk before it is done."""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass, field
from pathlib import Path

from llmdeploy.errors import StepError

NAMES = ("a", "b")
MOST_TRIES = 3


@dataclass
class State:
    """`active` serves (empty: nothing yet); `trying` is a slot that a run has begun to switch to. `releases` has the
    number of each slot, `highest` is the highest ever accepted, `bad` failed here, `tries` counts for the last."""

    active: str = ""
    trying: str = ""
    releases: dict[str, int] = field(default_factory=dict)
    highest: int = 0
    bad: list[int] = field(default_factory=list)
    tries: int = 0

    @property
    def other(self) -> str:
        return NAMES[1] if self.active == NAMES[0] else NAMES[0]


@dataclass(frozen=True)
class Box:
    """Paths of one deployment's pull mode on a box, and its slots' ports. `tries` does not outlive a boot."""

    name: str
    folder: Path
    tries: Path
    ports: dict[str, int]

    def slot(self, name: str) -> Path:
        return self.folder / name

    def hold(self, name: str) -> Path:
        """While it is there the slot's engine stays out of rotation."""
        return self.folder / f"{name}.hold"

    def on(self, name: str) -> Path:
        """With it the slot's engine comes with the boot."""
        return self.folder / f"{name}.on"

    def trying(self, name: str) -> Path:
        """With it the slot's engine may be started now."""
        return self.tries / f"{name}.try"

    def unit(self, name: str) -> str:
        return f"llmdeploy-{self.name}-slot-{name}.service"

    @property
    def files(self) -> Path:
        return self.folder / "files"

    def load(self) -> State:
        try:
            return State(**json.loads((self.folder / "state.json").read_text(encoding="utf-8")))
        except FileNotFoundError:
            return State()
        except (ValueError, TypeError) as error:
            raise StepError(f"{self.folder / 'state.json'} is damaged: {error}") from error

    def save(self, state: State) -> None:
        write_whole(self.folder / "state.json", json.dumps(asdict(state)))


def mark(path: Path) -> None:
    """Make an empty file that is there after a power cut too."""
    path.touch(mode=0o640)
    sync_folder(path.parent)


def unmark(path: Path) -> None:
    """Remove it, for a power cut too."""
    path.unlink(missing_ok=True)
    sync_folder(path.parent)


def sync_folder(path: Path) -> None:
    """Have names in a folder on disk."""
    folder = os.open(path, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def write_whole(path: Path, text: str, mode: int = 0o640) -> None:
    """The old content or the new one, also when the power goes."""
    new = path.with_name(f".{path.name}.new")
    handle = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode)
    with os.fdopen(handle, "w", encoding="utf-8") as stream:
        os.fchmod(handle, mode)
        stream.write(text)
        stream.flush()
        os.fsync(stream.fileno())
    new.replace(path)
    sync_folder(path.parent)
