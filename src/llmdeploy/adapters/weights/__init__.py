"""Weights on this disk, verified: the one way to them for every source.

Layout of a store, where revisions never mix and a partial file is never taken for a whole one:

    <owner>--<name>/<revision>/FILE         whole files, moved here once their hash was right
    <owner>--<name>/<revision>/verified.json
    .partial/<owner>--<name>/<revision>/FILE.part      FILE.corrupt where the hash was wrong
    .in-place/<digest of the path>/verified.json       for weights that are used where they lie
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from llmdeploy.adapters.weights.download import disk_error
from llmdeploy.adapters.weights.from_hub import bring
from llmdeploy.adapters.weights.in_place import use
from llmdeploy.plan import ModelRef, Weights
from llmdeploy.secret import Secret


def fetch(
    ref: ModelRef,
    store: Path,
    progress: Callable[[str, int, int], None],
    token: Secret | None = None,
    endpoint: str | None = None,
) -> Weights:
    """Bring the weights that `ref` names, verify them, and say where the engine finds them.

    `path` is the GGUF file (the first part of a split one) or the folder with safetensors, configuration and tokenizer.
    `progress(label, done, total)` gets bytes, at most ten times a second for each label. A second call with nothing
    changed reads no weights and uses no network. `ref.sha256` is the hash of `ref.file`; for safetensors the hash over
    `sha256sum`'s lines of all files in order of names. `token` and `endpoint` come before `HF_TOKEN`, the stored login
    and `HF_ENDPOINT`. Raises MissingError for access, network, names and disk space, StepError for damaged or refused
    files and for errors of the disk.
    """
    try:
        if ref.source == "hub":
            return bring(ref, store, progress, token, endpoint)
        return use(ref, store, progress)
    except OSError as error:
        raise disk_error(error, Path(error.filename or store), ref.size_bytes) from error
