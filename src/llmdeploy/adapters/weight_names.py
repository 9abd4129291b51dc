"""File names of weights: which are data, which can hold code, which belong together. Pure."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import PurePosixPath

REFUSED = (".bin", ".pt", ".pth", ".pkl", ".pickle", ".ckpt", ".msgpack", ".h5", ".npz", ".onnx", ".keras", ".py")
"""Never fetched and never loaded: pickles and formats that can hold code, and code itself."""
BESIDE = (".json", ".txt", ".jinja", ".tiktoken", ".model")
"""Configuration, tokenizer and chat template: data only."""
TOKENIZERS = ("tokenizer.json", "tokenizer.model", "vocab.json", "vocab.txt", "tekken.json")

SHARD = re.compile(r"(?P<stem>.+)-(?P<number>\d{5})-of-(?P<count>\d{5})(?P<suffix>\.gguf|\.safetensors)")
MOST_SHARDS = 2000


def is_refused(name: str) -> bool:
    return name.lower().endswith(REFUSED)


def is_safe(name: str) -> bool:
    """Whether a name from a hub stays inside the folder that it is joined to, and can be printed."""
    parts = name.split("/")
    return bool(name) and name.isprintable() and "\\" not in name and not {"", ".", ".."} & set(parts)


def shard_names(name: str) -> list[str]:
    """All parts of a split file, first one first; a file that is not split is its own only part."""
    match = SHARD.fullmatch(name)
    if match is None or not 1 <= int(match["count"]) <= MOST_SHARDS:
        return [name]
    total = int(match["count"])
    return [f"{match['stem']}-{number:05d}-of-{total:05d}{match['suffix']}" for number in range(1, total + 1)]


def safetensors_names(names: Sequence[str]) -> list[str]:
    """The safetensors of the model itself: those at the top, as transformers writes them where there are such.

    Some repositories carry the same weights twice (`consolidated.safetensors` beside `model-00001-of-...`).
    """
    top = [name for name in names if name.endswith(".safetensors") and _at_top(name)]
    split = [name for name in top if (match := SHARD.fullmatch(name)) and match["stem"] == "model"]
    if split:
        return sorted(split)
    return ["model.safetensors"] if "model.safetensors" in top else sorted(top)


def tokenizer_names(names: Sequence[str]) -> list[str]:
    """Configuration, tokenizer and chat template at the top of the repository."""
    return sorted(name for name in names if _at_top(name) and name.endswith(BESIDE) and is_safe(name))


def has_tokenizer(names: Sequence[str]) -> bool:
    return any(name in TOKENIZERS or name.endswith(".tiktoken") for name in names)


def _at_top(name: str) -> bool:
    return is_safe(name) and PurePosixPath(name).name == name
