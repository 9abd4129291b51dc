"""model.json: what is true of a GGUF file and of the training that made it."""

from __future__ import annotations

import hashlib
import json
import math
from pathlib import Path
from typing import Any

from scripts.demo_model import recipe

FILE_NAME = "model.json"
TRAINING_FIGURES = ("steps", "chats", "tokens", "answer_loss", "seconds")


def describe(gguf_file: Path, train_json: Path) -> dict[str, Any]:
    """All of model.json but the accuracy, read from the file itself and from the training's figures."""
    from gguf import GGUFReader

    reader = GGUFReader(str(gguf_file))
    parts = {key: field.contents() for key, field in reader.fields.items()}
    trained = json.loads(train_json.read_text(encoding="utf-8"))
    return {
        "name": recipe.NAME,
        "file": gguf_file.name,
        "sha256": hashlib.sha256(gguf_file.read_bytes()).hexdigest(),
        "size": gguf_file.stat().st_size,
        "license": "Apache-2.0",
        "architecture": parts["general.architecture"],
        "quantization": "Q8_0",
        "parameters": sum(math.prod(map(int, tensor.shape)) for tensor in reader.tensors),
        "layers": parts["llama.block_count"],
        "hidden": parts["llama.embedding_length"],
        "feed_forward": parts["llama.feed_forward_length"],
        "heads": parts["llama.attention.head_count"],
        "kv_heads": parts["llama.attention.head_count_kv"],
        "head_dim": parts["llama.attention.key_length"],
        "context": parts["llama.context_length"],
        "vocabulary": parts["llama.vocab_size"],
        "training": {figure: trained[figure] for figure in TRAINING_FIGURES},
    }


def write(path: Path, description: dict[str, Any]) -> None:
    path.write_text(json.dumps(description, indent=2) + "\n", encoding="utf-8")
