"""Weights from a hub into a store: resumed, verified, moved into place."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from llmdeploy.adapters.hub import is_commit, lookup
from llmdeploy.adapters.hub.choice import wanted_files
from llmdeploy.adapters.hub.model import HubFile, HubModel, check_repository
from llmdeploy.adapters.hub.remote import Remote, connect
from llmdeploy.adapters.weight_names import is_safe
from llmdeploy.adapters.weights.check import check_file, check_folder
from llmdeploy.adapters.weights.download import disk_in_words, download
from llmdeploy.adapters.weights.progress import Progress, Told
from llmdeploy.adapters.weights.sums import Sums, check_pin, hash_file
from llmdeploy.adapters.weights.verified import Record, Verified
from llmdeploy.errors import MissingError, StepError
from llmdeploy.plan import ModelRef, Weights
from llmdeploy.secret import Secret

SPARE_BYTES = 16 * 1024 * 1024
"""Left free beyond the weights: logs and state go to the same disk."""


def bring(ref: ModelRef, store: Path, told: Told, token: Secret | None, endpoint: str | None) -> Weights:
    """What `weights.fetch` does for the source `hub`."""
    check_repository(ref.location)
    if not is_commit(ref.revision):
        hint = "run prepare again: it pins the commit"
        raise StepError(f"{ref.location}: {ref.revision or 'no revision'} is not a commit hash", hint)
    place = _Place(ref, store)
    found = place.look(told)
    if found is None:
        with place.locked(told):
            # Another run may have brought it while we waited for the lock.
            found = _Place(ref, store).look(told) or _Bringing(ref, store, told, token, endpoint).run()
    return found


def stored(ref: ModelRef, store: Path) -> Path | None:
    """Where the weights of `ref` lie in `store`, by its record; None where they have not been brought whole."""
    place = _Place(ref, store)
    names = place.record.sets.get(place.key, ())
    if not names or not all((place.folder / name).is_file() for name in names):
        return None
    return place.folder / ref.file if ref.format == "gguf" else place.folder


class _Place:
    """Where one model lies in the store, and what is known to be whole."""

    def __init__(self, ref: ModelRef, store: Path) -> None:
        inner = Path(ref.location.replace("/", "--")) / ref.revision
        self.ref = ref
        self.store = store
        self.folder = store / inner
        self.partials = store / ".partial" / inner
        self.record = Record(self.folder)
        self.key = ref.file if ref.format == "gguf" else "safetensors"

    def look(self, told: Told) -> Weights | None:
        """The weights where all are here and verified; hashes again what has changed since. None: to be fetched."""
        names = self.record.sets.get(self.key, ())
        if not names or not all(name in self.record.files and (self.folder / name).is_file() for name in names):
            return None
        for name in names:
            if not self.record.files[name].holds_for(self.folder / name):
                self._verify_again(name, told)
        return self.weights(names)

    def weights(self, names: Sequence[str]) -> Weights:
        sha256 = {name: self.record.files[name].sha256 for name in names}
        check_pin(self.ref, sha256, "the file at the pinned revision is another one: check model.revision")
        return Weights(self.folder / self.ref.file if self.ref.format == "gguf" else self.folder, sha256)

    def partial(self, name: str) -> Path:
        return self.partials / f"{name}.part"

    def set_aside(self, path: Path, name: str, why: str) -> StepError:
        """Move a damaged file away, so that the next run fetches it afresh."""
        corrupt = self.partials / f"{name}.corrupt"
        corrupt.parent.mkdir(parents=True, exist_ok=True)
        path.replace(corrupt)
        return StepError(
            f"{self.ref.location}: {name} is damaged: {why}", f"run again to fetch it anew; kept as {corrupt}"
        )

    def _verify_again(self, name: str, told: Told) -> None:
        path, known = self.folder / name, self.record.files[name]
        with disk_in_words(path, known.size):
            now = Verified.measure(path, lambda: hash_file(path, f"verify {name}", told))
            if now.sha256 != known.sha256:
                raise self.set_aside(path, name, f"its hash was {known.sha256[:12]} and is {now.sha256[:12]}")
        self.record.add(name, now)

    @contextmanager
    def locked(self, told: Told) -> Iterator[None]:
        """One download of one revision at a time; a second waits for the first."""
        from filelock import FileLock, Timeout

        path = self.partials.with_name(f"{self.partials.name}.lock")
        with disk_in_words(path, 0):
            path.parent.mkdir(parents=True, exist_ok=True)
            lock = FileLock(path)
            try:
                lock.acquire(timeout=0)
            except Timeout:
                told(f"wait for another download of {self.ref.location}", 0, self.ref.size_bytes)
                lock.acquire()
        try:
            yield
        finally:
            lock.release()


class _Bringing:
    """One run of a download; holds what its parts share."""

    def __init__(self, ref: ModelRef, store: Path, told: Told, token: Secret | None, endpoint: str | None) -> None:
        self._ref, self._told = ref, told
        self._place = _Place(ref, store)
        self._remote: Remote = connect(ref.location, token, endpoint)
        self._model: HubModel = lookup(ref.location, ref.revision, token, endpoint)
        self._files: tuple[HubFile, ...] = wanted_files(self._model, ref.format, ref.file)

    def run(self) -> Weights:
        self._check_listing()
        self._check_space()
        label = f"download {self._ref.location}"
        progress = Progress(self._told, label, sum(file.size for file in self._files))
        names = [file.name for file in self._files]
        checked = self._ref.format == "gguf"
        for file in self._files:
            if not checked and file.name.endswith(".safetensors"):
                check_folder(self._place.folder, names)  # before the first large file
                checked = True
            self._bring(file, progress.add)
        weights = self._place.weights(names)
        self._place.record.sets[self._place.key] = tuple(names)
        self._place.record.save()
        return weights

    def _check_listing(self) -> None:
        if self._model.revision != self._ref.revision:
            raise StepError(f"{self._ref.location}: the hub gave another revision", "check HF_ENDPOINT")
        unsafe = [file.name for file in self._files if not is_safe(file.name)]
        if unsafe:
            raise StepError(f"{self._ref.location}: {unsafe[0]!r} leaves the folder", "choose another repository")
        listing = {file.name: file.sha256 for file in self._files if file.sha256}
        if self._ref.file in listing:
            check_pin(self._ref, listing, "the hub lists another file at this revision: check model.revision")

    def _check_space(self) -> None:
        needed = sum(file.size for file in self._files if not self._here(file))
        needed -= sum(p.stat().st_size for p in map(self._place.partial, [f.name for f in self._files]) if p.is_file())
        at = next(one for one in (self._place.folder, *self._place.folder.parents) if one.exists())
        free = shutil.disk_usage(at).free
        if needed > 0 and needed + SPARE_BYTES > free:
            where = self._place.store
            raise MissingError(
                f"{self._ref.location} needs {needed / 1e6:,.1f} MB more at {where}, and {free / 1e6:,.1f} MB is free",
                "free some space, set LLMDEPLOY_MODELS to a larger disk, or choose a smaller quantization",
            )

    def _here(self, file: HubFile) -> bool:
        return (self._place.folder / file.name).is_file()

    def _bring(self, file: HubFile, arrived: Callable[[int], None]) -> None:
        target, partial = self._place.folder / file.name, self._place.partial(file.name)
        known = self._place.record.files.get(file.name)
        if known is not None and known.holds_for(target):
            arrived(known.size)
            return
        if target.is_file():
            # Whole, but a run was killed before it wrote so down; or changed since.
            partial.parent.mkdir(parents=True, exist_ok=True)
            target.replace(partial)
        sums = download(self._remote, self._ref.revision, file, partial, arrived)
        with disk_in_words(partial, file.size):
            self._verify(file, partial, sums)
            _move(partial, target)
            (self._place.partials / f"{file.name}.corrupt").unlink(missing_ok=True)
            self._place.record.add(file.name, Verified.of(target, sums.sha256))

    def _verify(self, file: HubFile, partial: Path, sums: Sums) -> None:
        if file.sha256 and sums.sha256 != file.sha256:
            why = f"SHA-256 {sums.sha256[:12]} where the hub lists {file.sha256[:12]}"
            raise self._place.set_aside(partial, file.name, why)
        if not file.sha256 and file.blob_id and sums.blob_id != file.blob_id:
            why = f"git blob {sums.blob_id[:12]} where the hub lists {file.blob_id[:12]}"
            raise self._place.set_aside(partial, file.name, why)
        try:
            check_file(partial, file.name)
        except StepError as error:
            if not file.sha256 and not file.blob_id:
                raise self._place.set_aside(partial, file.name, error.message) from error
            raise


def _move(partial: Path, target: Path) -> None:
    """Into place, and on the disk before its name is: a power cut leaves no file of the right size without content."""
    with partial.open("rb") as stream:
        os.fsync(stream.fileno())
    target.parent.mkdir(parents=True, exist_ok=True)
    partial.replace(target)
