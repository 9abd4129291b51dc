"""Whether files are sane weights, and whether a folder of safetensors is whole and holds data only."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from llmdeploy.adapters.hub.refusals import listed
from llmdeploy.adapters.weight_names import TOKENIZERS, has_tokenizer, is_refused
from llmdeploy.adapters.weights.safetensors import check_safetensors
from llmdeploy.errors import StepError

INDEX = "model.safetensors.index.json"
LARGEST_JSON = 64 * 1024 * 1024


def check_file(path: Path, name: str, *, gguf: bool = False) -> None:
    """Read the header of a GGUF or safetensors file, and the whole of a JSON file. Raises StepError that names it.

    `gguf`: a GGUF file whatever its name.
    """
    size = path.stat().st_size
    if not gguf and name.endswith(".json"):
        _read_json(path, name)
        return
    try:
        with path.open("rb") as stream:
            if gguf or name.endswith(".gguf"):
                from llmdeploy.sizing.gguf import read_gguf

                read_gguf(stream, size)
            elif name.endswith(".safetensors"):
                check_safetensors(stream, size)
    except StepError as error:
        raise StepError(f"{name}: {error.message}", error.hint) from error


def check_folder(folder: Path, names: Sequence[str]) -> None:
    """Whether `names` are a whole safetensors model: configuration, tokenizer, every part, no code.

    Only the JSON files need to lie in `folder` already, so that a download can stop before the weights.

    Remote code is never run. A configuration that points to Python classes (`auto_map`) is refused when that code lies
    in the folder, or when it names another repository, which some engines fetch even without being told to trust it
    (CVE-2025-66448). Where the code is simply not there, the engine has to know the architecture by itself.
    """
    if "config.json" not in names:
        raise StepError(f"{folder}: safetensors without config.json", f"there is {listed(names)}")
    if not has_tokenizer(names):
        raise StepError(f"{folder}: safetensors without a tokenizer", f"one of {', '.join(TOKENIZERS)} is needed")
    if INDEX in names:
        _check_index(folder, names)
    code = [one.name for one in folder.iterdir() if one.name.endswith(".py")]
    for name in (name for name in names if name.endswith("config.json")):
        elsewhere = [text for text in _classes(_read_json(folder / name, name)) if "--" in text]
        if elsewhere:
            raise StepError(f"{folder / name}: auto_map asks for code of another repository: {elsewhere[0]}", _NO_CODE)
        if code and any(_classes(_read_json(folder / name, name))):
            raise StepError(f"{folder / name}: auto_map asks for the code in {listed(code)}", _NO_CODE)


_NO_CODE = "code that comes with a model is never run: remove auto_map and the .py files, or take a GGUF of the model"


def no_weights(folder: Path, names: Sequence[str]) -> StepError:
    """The error for a folder without weights that can be used; says what was found instead."""
    refused = [name for name in names if is_refused(name) and not name.endswith(".py")]
    if refused:
        hint = "such files can hold code and are never loaded: take safetensors or GGUF of the model"
        return StepError(f"{folder}: the only weights are {listed(refused)}", hint)
    return StepError(f"{folder}: no safetensors and no GGUF file", f"there is {listed(names)}")


def _check_index(folder: Path, names: Sequence[str]) -> None:
    index = _read_json(folder / INDEX, INDEX)
    parts = index.get("weight_map") if isinstance(index, dict) else None
    if not isinstance(parts, dict):
        raise StepError(f"{folder / INDEX}: no weight_map", "download the file again")
    missing = {str(part) for part in parts.values()} - set(names)
    if missing:
        raise StepError(f"{folder}: {listed(missing)} is not there, and {INDEX} lists it", "bring the missing parts")


def _read_json(path: Path, name: str) -> Any:
    if path.stat().st_size > LARGEST_JSON:
        raise StepError(f"{name} is over {LARGEST_JSON >> 20} MiB", "choose another model")
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, RecursionError) as error:
        raise StepError(f"{name} is not JSON", "download the file again") from error


def _classes(config: Any) -> Iterator[str]:
    """Every Python class that `auto_map` names, as `module.Class` or `owner/name--module.Class`."""
    waiting = [config.get("auto_map")] if isinstance(config, dict) else []
    while waiting:
        value = waiting.pop()
        if isinstance(value, str):
            yield value
        elif isinstance(value, dict):
            waiting.extend(value.values())
        elif isinstance(value, list):
            waiting.extend(value)
