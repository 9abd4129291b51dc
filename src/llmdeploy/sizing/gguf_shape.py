"""The shape of a model from the header of its GGUF file."""

from __future__ import annotations

from collections import Counter
from typing import Any, Final

from llmdeploy.errors import StepError
from llmdeploy.sizing.architecture import Architecture, Attention, Block, FeedForward
from llmdeploy.sizing.config.figures import LARGEST_FIGURE
from llmdeploy.sizing.ggml import FILE_TYPES, TENSOR_TYPES
from llmdeploy.sizing.gguf import GgufHeader, SkippedArray, Value, shown

# Every n-th layer sees the whole context, the others a window. GGUF headers of these families do not say so:
# llama.cpp fixes it in its model code (src/llama-model.cpp, `set_swa_pattern`).
FULL_LAYER_EVERY: Final[dict[str, int]] = {"gemma2": 2, "gemma3": 6, "gpt-oss": 2, "cohere2": 4}


def architecture_of_gguf(header: GgufHeader) -> Architecture:
    """The architecture that a GGUF header describes. Raises StepError where a figure is missing or
    impossible."""
    family = header.metadata.get("general.architecture")
    if not isinstance(family, str):
        raise StepError("the GGUF header does not name its architecture", "take a GGUF file of a language model")
    keys = _Keys(header, f"{family}.")
    layers, hidden = keys.need("block_count"), keys.need("embedding_length")
    attention = _attention(keys, hidden)
    window = keys.get("attention.sliding_window", 0)
    sliding = _sliding_layers(header, family, layers, window)
    feed_forward = _feed_forward(keys, hidden)
    vocabulary = _vocabulary(header, keys)
    blocks = tuple(
        Block(count, attention(seen), feed_forward, 2 * hidden)
        for count, seen in ((layers - sliding, 0), (sliding, window))
        if count
    )
    return Architecture(
        family=family, hidden=hidden, vocabulary=vocabulary, context=keys.need("context_length"), blocks=blocks,
        embedding=vocabulary * hidden, head=vocabulary * hidden if _has(header, "output.weight") else 0, vectors=hidden,
        quantization=_quantization(header), weight_bytes=header.weight_bytes, counted=header.parameters,
    )  # fmt: skip


class _Keys:
    """Positive whole figures of one family; a list of one figure per layer counts as its largest."""

    def __init__(self, header: GgufHeader, prefix: str) -> None:
        self._figures = header.metadata
        self._prefix = prefix

    def get(self, key: str, otherwise: int) -> int:
        value = self._figures.get(self._prefix + key)
        if not value or isinstance(value, SkippedArray):
            return otherwise
        return self._checked(key, value)

    def need(self, key: str) -> int:
        value = self._figures.get(self._prefix + key)
        if value is None:
            raise StepError(
                f"the model does not say {shown(self._prefix + key)}", "take another conversion of the model"
            )
        return self._checked(key, value)

    def _checked(self, key: str, value: object) -> int:
        whole = isinstance(value, tuple) and all(type(one) is int for one in value)
        figure: Any = max(value, default=0) if whole and isinstance(value, tuple) else value
        if type(figure) is not int or not 0 < figure < LARGEST_FIGURE:
            raise StepError(
                f"{shown(self._prefix + key)}: {value!a:.80} is not a positive whole number", "the file is damaged"
            )
        return figure


def _attention(keys: _Keys, hidden: int) -> Any:
    """Makes the attention of a layer that looks back so many tokens."""
    heads = keys.need("attention.head_count")
    kv_heads = keys.get("attention.head_count_kv", heads)
    head_dim = keys.get("attention.key_length", max(1, hidden // heads))
    head_dim_v = keys.get("attention.value_length", head_dim)
    rank = keys.get("attention.kv_lora_rank", 0)
    latent = rank + keys.get("rope.dimension_count", 64) if rank else 0
    weights = hidden * (heads + kv_heads) * (head_dim + head_dim_v)

    def looking_back(window: int) -> Attention:
        return Attention(heads, kv_heads, head_dim, head_dim_v, weights, window=window, latent=latent)

    return looking_back


def _feed_forward(keys: _Keys, hidden: int) -> FeedForward:
    width = keys.get("feed_forward_length", 4 * hidden)
    experts = keys.get("expert_count", 0)
    if not experts:
        return FeedForward(width, 3 * hidden * width)
    expert_width = keys.get("expert_feed_forward_length", width)
    shared = expert_width * keys.get("expert_shared_count", 0)
    return FeedForward(
        shared, 3 * hidden * shared, experts=experts, chosen=keys.get("expert_used_count", 2),
        expert_width=expert_width, expert_weights=3 * hidden * expert_width, router=hidden * experts,
    )  # fmt: skip


def _sliding_layers(header: GgufHeader, family: str, layers: int, window: int) -> int:
    """Layers with a window: from a flag per layer, from "every n-th is full", or by family; 0 where that is not known,
    which is the safe side."""
    if not window:
        return 0
    pattern = header.metadata.get(f"{family}.attention.sliding_window_pattern")
    if isinstance(pattern, tuple) and len(pattern) == layers:
        return sum(1 for one in pattern if one is True)
    every = pattern if type(pattern) is int and 0 < pattern <= layers else FULL_LAYER_EVERY.get(family)
    return layers - layers // every if every else 0


def _has(header: GgufHeader, name: str) -> bool:
    return any(tensor.name == name for tensor in header.tensors)


def _vocabulary(header: GgufHeader, keys: _Keys) -> int:
    tokens = header.metadata.get("tokenizer.ggml.tokens")
    if isinstance(tokens, SkippedArray) and tokens.length:
        return tokens.length
    return keys.need("vocab_size")


def _quantization(header: GgufHeader) -> str:
    kind: Value | None = header.metadata.get("general.file_type")
    if type(kind) is int and kind in FILE_TYPES:
        return FILE_TYPES[kind]
    sizes: Counter[str] = Counter()
    for tensor in header.tensors:
        sizes[TENSOR_TYPES[tensor.type][0]] += tensor.bytes
    return sizes.most_common(1)[0][0] if sizes else "unknown"
