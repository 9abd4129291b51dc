"""A model folder for vLLM, made with Python's own library: a Llama of two layers with random weights, and a tokenizer
of single words."""

from __future__ import annotations

import json
import random
import string
import struct
from pathlib import Path

HIDDEN, INNER, LAYERS, CONTEXT = 64, 128, 2, 512
WORDS = ["<end>", "<unknown>", "one", "the", *string.ascii_letters, *string.digits]
SPREAD = 0.05


def write_model(folder: Path) -> None:
    """Write config, tokenizer and about 100,000 weights."""
    folder.mkdir(parents=True)
    (folder / "config.json").write_text(json.dumps(_config()))
    (folder / "tokenizer.json").write_text(json.dumps(_tokenizer()))
    (folder / "tokenizer_config.json").write_text(
        json.dumps(
            {
                "tokenizer_class": "PreTrainedTokenizerFast",
                "eos_token": "<end>",
                "unk_token": "<unknown>",
                "chat_template": "{% for message in messages %}{{ message.content }} {% endfor %}",
            }
        )
    )
    _write_weights(folder / "model.safetensors", _shapes())


def _config() -> dict[str, object]:
    return {
        "architectures": ["LlamaForCausalLM"],
        "model_type": "llama",
        "hidden_size": HIDDEN,
        "intermediate_size": INNER,
        "num_hidden_layers": LAYERS,
        "num_attention_heads": 1,
        "num_key_value_heads": 1,
        "head_dim": HIDDEN,
        "vocab_size": len(WORDS),
        "max_position_embeddings": CONTEXT,
        "tie_word_embeddings": False,
        "eos_token_id": 0,
        "bos_token_id": 0,
        "rms_norm_eps": 1e-6,
        "hidden_act": "silu",
        "torch_dtype": "bfloat16",
    }


def _tokenizer() -> dict[str, object]:
    special = [
        {"id": number, "content": WORDS[number], "single_word": False, "lstrip": False, "rstrip": False,
         "normalized": False, "special": True}
        for number in (0, 1)
    ]  # fmt: skip
    vocabulary = {word: number for number, word in enumerate(WORDS)}
    return {
        "version": "1.0",
        "truncation": None,
        "padding": None,
        "added_tokens": special,
        "normalizer": None,
        "pre_tokenizer": {"type": "Whitespace"},
        "post_processor": None,
        "decoder": None,
        "model": {"type": "WordLevel", "vocab": vocabulary, "unk_token": "<unknown>"},
    }


def _shapes() -> dict[str, tuple[int, ...]]:
    found: dict[str, tuple[int, ...]] = {
        "model.embed_tokens.weight": (len(WORDS), HIDDEN),
        "model.norm.weight": (HIDDEN,),
        "lm_head.weight": (len(WORDS), HIDDEN),
    }
    for layer in range(LAYERS):
        name = f"model.layers.{layer}"
        found |= {f"{name}.self_attn.{part}_proj.weight": (HIDDEN, HIDDEN) for part in "qkvo"}
        found |= {f"{name}.mlp.{part}_proj.weight": (INNER, HIDDEN) for part in ("gate", "up")}
        found[f"{name}.mlp.down_proj.weight"] = (HIDDEN, INNER)
        found |= {f"{name}.{part}_layernorm.weight": (HIDDEN,) for part in ("input", "post_attention")}
    return found


def _write_weights(path: Path, shapes: dict[str, tuple[int, ...]]) -> None:
    """bfloat16 is the upper half of a float; norms are one, the rest is drawn."""
    drawn = random.Random(0)  # noqa: S311 - weights, and the same in each run
    header: dict[str, object] = {}
    parts: list[bytes] = []
    at = 0
    for name, shape in shapes.items():
        count = shape[0] * (shape[1] if len(shape) > 1 else 1)
        values = [1.0] * count if len(shape) == 1 else [drawn.gauss(0, SPREAD) for _ in range(count)]
        content = b"".join(struct.pack("<f", value)[2:] for value in values)
        header[name] = {"dtype": "BF16", "shape": list(shape), "data_offsets": [at, at + len(content)]}
        parts.append(content)
        at += len(content)
    text = json.dumps(header).encode()
    path.write_bytes(struct.pack("<Q", len(text)) + text + b"".join(parts))
