"""Weights that are on this machine already: verified and used where they lie, never copied or moved."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path

from llmdeploy.adapters.hub.refusals import listed, no_such_file
from llmdeploy.adapters.weight_names import is_refused, is_safe, safetensors_names, shard_names, tokenizer_names
from llmdeploy.adapters.weights.check import check_file, check_folder, no_weights
from llmdeploy.adapters.weights.download import disk_in_words
from llmdeploy.adapters.weights.progress import Told
from llmdeploy.adapters.weights.sums import check_pin, hash_file
from llmdeploy.adapters.weights.verified import Record, Verified
from llmdeploy.errors import MissingError, StepError
from llmdeploy.plan import ModelRef, Weights


def use(ref: ModelRef, store: Path, told: Told) -> Weights:
    """What `weights.fetch` does for the sources `bundled` and `path`."""
    location = Path(ref.location).absolute()
    folder, names = (location.parent, _parts(location)) if not location.is_dir() else (location, _names(ref, location))
    record = Record(store / ".in-place" / hashlib.sha256(str(location).encode()).hexdigest()[:16])
    fresh = [name for name in names if name not in record.files or not record.files[name].holds_for(folder / name)]
    for name in fresh:
        with disk_in_words(folder / name, 0):
            record.files[name] = _verify(folder / name, name, told, ref.format == "gguf")
    if ref.format == "safetensors":
        check_folder(folder, names)
    sha256 = {name: record.files[name].sha256 for name in names}
    again = "install llmdeploy again" if ref.source == "bundled" else "bring the right file, or drop the hash"
    check_pin(ref, sha256, again)
    if fresh:
        record.save()
    return Weights(folder / names[0] if ref.format == "gguf" else folder, sha256)


def _verify(path: Path, name: str, told: Told, gguf: bool) -> Verified:
    check_file(path, name, gguf=gguf)
    return Verified.measure(path, lambda: hash_file(path, f"verify {path.name}", told))


def _parts(location: Path) -> list[str]:
    """The GGUF file that the user named, with its other parts."""
    if not location.exists():
        beside = [one.name for one in location.parent.iterdir()] if location.parent.is_dir() else []
        raise no_such_file(location.name, beside, str(location.parent))
    if not location.is_file():
        raise StepError(f"{location} is not a regular file", "name a GGUF file, or a folder with safetensors")
    if is_refused(location.name):
        raise no_weights(location.parent, [location.name])
    return _all_there(location.parent, location.name)


def _names(ref: ModelRef, folder: Path) -> list[str]:
    """The files of the model in a folder."""
    there = sorted(one.name for one in folder.iterdir() if one.is_file())
    ggufs = [name for name in there if name.endswith(".gguf") and shard_names(name)[0] == name]
    if ref.format == "safetensors":
        weights = safetensors_names(there)
        names = [*weights, *tokenizer_names(there)] if weights else []
    elif ref.file:
        if not is_safe(ref.file) or not (folder / ref.file).is_file():
            raise no_such_file(ref.file, ggufs, str(folder))
        names = _all_there(folder, ref.file)
    elif len(ggufs) > 1:
        raise StepError(f"{folder} holds several GGUF files: {listed(ggufs)}", "name one of them")
    else:
        names = _all_there(folder, ggufs[0]) if ggufs else []
    if not names:
        raise no_weights(folder, there)
    _refuse_ways_out(folder, names)
    return names


def _all_there(folder: Path, first: str) -> list[str]:
    names = shard_names(first)
    missing = [name for name in names if not (folder / name).is_file()]
    if missing:
        raise MissingError(f"{folder}: {first} is split and {listed(missing)} is not there", "bring the missing parts")
    return names


def _refuse_ways_out(folder: Path, names: Sequence[str]) -> None:
    """A symbolic link must stay in the folder, and in a cache of the hub (`snapshots/COMMIT`) in the repository's."""
    cached = folder.parent.name == "snapshots" and (folder.parent.parent / "blobs").is_dir()
    root = (folder.parent.parent if cached else folder).resolve()
    for name in names:
        if not (folder / name).resolve().is_relative_to(root):
            raise StepError(f"{folder / name} is a link that leaves the folder", "copy the file there in its place")
