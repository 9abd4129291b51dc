"""The shape of a model: the numbers that decide its memory."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from llmdeploy.errors import StepError
from llmdeploy.sizing.ggml import FILE_TYPES, TENSOR_TYPES
from llmdeploy.sizing.gguf import GgufHeader, SkippedArray, Value, shown

# Every n-th layer sees the whole context, the others a window. GGUF headers of these families do not say so:
# llama.cpp fixes it in its model code (src/llama-model.cpp, `set_swa_pattern`).
FULL_LAYER_EVERY: Final[dict[str, int]] = {"gemma2": 2, "gemma3": 6, "gpt-oss": 2, "cohere2": 4}
TIED_BY_DEFAULT: Final = ("gemma", "gemma2", "gemma3")
LARGEST_FIGURE: Final = 1 << 32


@dataclass(frozen=True)
class Architecture:
    """A dense decoder.

    `hidden`, `head_dim` (of K and Q), `head_dim_v` and `ffn` are widths in numbers, `context` and
    `sliding_window` are tokens, `weight_bytes` the weights as they are stored. `sliding_layers` of the
    `layers` keep only the last `sliding_window` tokens. `quantization` is GGUF's name for the mixture, or the
    dtype.
    """

    family: str
    layers: int
    hidden: int
    heads: int
    kv_heads: int
    head_dim: int
    head_dim_v: int
    ffn: int
    vocabulary: int
    context: int
    parameters: int
    weight_bytes: int
    quantization: str
    sliding_window: int = 0
    sliding_layers: int = 0


def sliding_layers(family: str, layers: int, window: int) -> int:
    """How many layers of a family keep a window only; 0 where that is not known, which is the safe side."""
    every = FULL_LAYER_EVERY.get(family)
    return layers - layers // every if every and window else 0


def dense_parameters(
    *,
    layers: int,
    hidden: int,
    heads: int,
    kv_heads: int,
    head_dim: int,
    ffn: int,
    vocabulary: int,
    tied: bool,
) -> int:
    """Weights of a dense decoder with a gated FFN, without biases and the norms inside heads (under 0.1
    %)."""
    attention = 2 * hidden * heads * head_dim + 2 * hidden * kv_heads * head_dim
    layer = attention + 3 * hidden * ffn + 2 * hidden
    return vocabulary * hidden * (1 if tied else 2) + layers * layer + hidden


def architecture_of_gguf(header: GgufHeader) -> Architecture:
    """The architecture that a GGUF header describes. Raises StepError where a figure is missing or
    impossible."""
    family = header.metadata.get("general.architecture")
    if not isinstance(family, str):
        raise StepError("the GGUF header does not name its architecture", "take a GGUF file of a language model")
    keys = _Keys(header.metadata, f"{family}.")
    layers, hidden, heads = (keys.need(k) for k in ("block_count", "embedding_length", "attention.head_count"))
    head_dim = keys.get("attention.key_length", hidden // heads)
    window = keys.get("attention.sliding_window", 0)
    return Architecture(
        family=family,
        layers=layers,
        hidden=hidden,
        heads=heads,
        kv_heads=keys.get("attention.head_count_kv", heads),
        head_dim=head_dim,
        head_dim_v=keys.get("attention.value_length", head_dim),
        ffn=keys.get("feed_forward_length", 4 * hidden),
        vocabulary=_vocabulary(header, keys),
        context=keys.need("context_length"),
        parameters=header.parameters,
        weight_bytes=header.weight_bytes,
        quantization=_quantization(header),
        sliding_window=window,
        sliding_layers=_sliding_of(
            header.metadata.get(f"{family}.attention.sliding_window_pattern"), family, layers, window
        ),
    )


def architecture_of_config(config: Mapping[str, Any], weight_bytes: int) -> Architecture:
    """The architecture in a Hugging Face `config.json` (dense Llama, Qwen, Mistral, Gemma, Phi style).

    `weight_bytes` is the size of the safetensors files. Raises StepError where a figure is missing or
    impossible, or the model is a mixture of experts, which is not sized yet.
    """
    text = config.get("text_config")
    figures = {**config, **text} if isinstance(text, Mapping) else dict(config)
    keys = _Keys(figures, "")
    for name in ("num_local_experts", "num_experts", "n_routed_experts"):
        if keys.get(name, 0) > 1:
            raise StepError(
                f"config.json: {name}: mixtures of experts are not sized yet", "take a GGUF file of the model"
            )
    family = str(figures.get("model_type", "unknown")).removesuffix("_text")
    layers, hidden, heads = (keys.need(k) for k in ("num_hidden_layers", "hidden_size", "num_attention_heads"))
    kv_heads = keys.get("num_key_value_heads", heads)
    head_dim = keys.get("head_dim", hidden // heads)
    ffn = keys.get("intermediate_size", 4 * hidden)
    vocabulary = keys.need("vocab_size")
    window = keys.get("sliding_window", 0) if figures.get("use_sliding_window", True) else 0
    tied = bool(figures.get("tie_word_embeddings", family in TIED_BY_DEFAULT))
    return Architecture(
        family=family,
        layers=layers,
        hidden=hidden,
        heads=heads,
        kv_heads=kv_heads,
        head_dim=head_dim,
        head_dim_v=head_dim,
        ffn=ffn,
        vocabulary=vocabulary,
        context=keys.need("max_position_embeddings"),
        parameters=dense_parameters(
            layers=layers, hidden=hidden, heads=heads, kv_heads=kv_heads, head_dim=head_dim, ffn=ffn,
            vocabulary=vocabulary, tied=tied,
        ),
        weight_bytes=weight_bytes,
        quantization=_dtype(figures),
        sliding_window=window,
        sliding_layers=_sliding_of(figures.get("layer_types"), family, layers, window),
    )  # fmt: skip


class _Keys:
    """Positive whole figures by name; a list of one figure per layer counts as its largest."""

    def __init__(self, figures: Mapping[str, Any], prefix: str) -> None:
        self._figures = figures
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
        figure = max(value, default=0) if isinstance(value, list | tuple) and _whole(value) else value
        if type(figure) is not int or not 0 < figure < LARGEST_FIGURE:
            raise StepError(
                f"{shown(self._prefix + key)}: {value!a:.80} is not a positive whole number", "the file is damaged"
            )
        return figure


def _whole(values: list[Any] | tuple[Any, ...]) -> bool:
    return all(type(value) is int for value in values)


def _sliding_of(pattern: object, family: str, layers: int, window: int) -> int:
    """Layers with a window: from a flag or a name per layer, from "every n-th is full", or by family."""
    if not window:
        return 0
    if isinstance(pattern, list | tuple) and len(pattern) == layers:
        return sum(1 for one in pattern if one is True or one == "sliding_attention")
    if type(pattern) is int and 0 < pattern <= layers:
        return layers - layers // pattern
    return sliding_layers(family, layers, window)


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


def _dtype(config: Mapping[str, Any]) -> str:
    quantized = config.get("quantization_config")
    if isinstance(quantized, Mapping) and isinstance(quantized.get("quant_method"), str):
        return str(quantized["quant_method"])
    return str(config.get("dtype") or config.get("torch_dtype") or "unknown")
