"""Which kind each layer is: what mixes its tokens, how far back it looks, dense or a mixture."""

from __future__ import annotations

from typing import Literal, NamedTuple

from llmdeploy.errors import StepError
from llmdeploy.sizing.architecture import NO_ATTENTION, NO_FEED_FORWARD, Attention, FeedForward
from llmdeploy.sizing.config import feed_forward, gemma, recurrent
from llmdeploy.sizing.config.attention import attention, windowed
from llmdeploy.sizing.config.families import Family
from llmdeploy.sizing.config.figures import Figures

Mixing = Literal[
    "attention", "delta", "kimi_delta", "mamba2", "mamba1", "lightning", "convolution", "none", "attention+mamba2"
]  # fmt: skip
Feeding = Literal["dense", "mixture", "none"]

# Words of `layer_types` and `layers_block_type` for layers that keep a state.
STATE_WORDS: dict[str, Mixing] = {"linear_attention": "delta", "mamba": "mamba2", "conv": "convolution"}
NEMOTRON_LETTERS: dict[str, tuple[Mixing, Feeding]] = {
    "M": ("mamba2", "none"), "*": ("attention", "none"), "-": ("none", "dense"), "E": ("none", "mixture"),
}  # fmt: skip


class LayerKind(NamedTuple):
    mixing: Mixing
    window: int
    feeding: Feeding
    shared: bool = False  # reads the cache of an earlier layer


def layer_kinds(name: str, family: Family, figures: Figures) -> list[LayerKind]:
    """One kind for every layer, in order."""
    pattern = figures.text("hybrid_override_pattern")
    if pattern:
        return [LayerKind(mixing, 0, feeding) for mixing, feeding in map(_lettered, pattern)]
    layers = figures.layers()
    window = _window(figures)
    full = _sees_everything(figures, family, layers) if window else [True] * layers
    mixing = _mixing(name, figures, layers)
    mixtures = _mixtures(name, figures, layers)
    shared = [name in gemma.NAMES and gemma.shares_cache(figures, i) for i in range(layers)]
    return [
        LayerKind(mixing[i], 0 if full[i] or mixing[i] != "attention" else window, mixtures[i], shared[i])
        for i in range(layers)
    ]


def _lettered(letter: str) -> tuple[Mixing, Feeding]:
    if letter not in NEMOTRON_LETTERS:
        raise StepError(f"hybrid_override_pattern: {letter!a} is no kind of layer", "the file is damaged")
    return NEMOTRON_LETTERS[letter]


def build(kind: LayerKind, name: str, family: Family, figures: Figures) -> tuple[Attention, FeedForward]:
    if name in gemma.NAMES:
        return (
            gemma.gemma_attention(figures, family, kind.window, kind.shared),
            gemma.gemma_feed_forward(figures, family, kind.shared),
        )
    return _mixer(kind, family, figures), _fed(kind, family, figures)


def _mixer(kind: LayerKind, family: Family, figures: Figures) -> Attention:
    if kind.mixing == "attention":
        return attention(windowed(figures, kind.window), family, kind.window)
    if kind.mixing == "attention+mamba2":  # Falcon-H1 runs both side by side
        return _together(attention(figures, family, 0), recurrent.mamba2(figures))
    makers = {
        "delta": recurrent.delta_net, "mamba2": recurrent.mamba2, "mamba1": recurrent.mamba1,
        "kimi_delta": recurrent.kimi_delta, "lightning": recurrent.lightning,
        "convolution": recurrent.short_convolution,
    }  # fmt: skip
    return makers[kind.mixing](figures) if kind.mixing in makers else NO_ATTENTION


def _together(one: Attention, state: Attention) -> Attention:
    return Attention(
        one.heads, one.kv_heads, one.head_dim, one.head_dim_v, one.weights + state.weights,
        vectors=one.vectors + state.vectors, state_bytes=state.state_bytes,
    )  # fmt: skip


def _fed(kind: LayerKind, family: Family, figures: Figures) -> FeedForward:
    if kind.feeding == "dense":
        return feed_forward.dense(figures, family)
    return feed_forward.mixture(figures, family) if kind.feeding == "mixture" else NO_FEED_FORWARD


def _window(figures: Figures) -> int:
    """Tokens that a layer with a window looks back, 0 where none has one."""
    if not figures.flag("use_sliding_window", True):
        return 0
    return figures.get("sliding_window", figures.get("attention_chunk_size", 0))


def _sees_everything(figures: Figures, family: Family, layers: int) -> list[bool]:
    """True for the layers without a window: from a word per layer, from "every n-th", or by family."""
    words = figures.names("layer_types")
    if len(words) == layers:
        return [word not in ("sliding_attention", "chunked_attention") for word in words]
    hybrid = figures.names("hybrid_layer_pattern")  # MiMo V2: 1 has a window
    if len(hybrid) == layers:
        return [not one for one in hybrid]
    rope = figures.names("no_rope_layers")  # Llama 4: 0 marks the layers without RoPE, which see everything
    if len(rope) == layers:
        return [not one for one in rope]
    every = figures.values.get("sliding_window_pattern") or figures.values.get("_sliding_window_pattern")
    if isinstance(every, str):  # EXAONE 4: a letter per layer, repeated
        return [every[i % len(every)] == "G" for i in range(layers)]
    if type(every) is not int or not 0 < every <= layers:
        every = family.full_every
    if "attention_chunk_size" in figures.values and not every:
        every = 4
    if every:
        return [(i + 1) % every == 0 for i in range(layers)]
    # Mistral and Phi 3 give a window to every layer; Qwen only from a layer on.
    first = figures.get("max_window_layers", 0) if figures.flag("use_sliding_window", False) else 0
    return [i < first for i in range(layers)]


def _mixing(name: str, figures: Figures, layers: int) -> list[Mixing]:
    words = figures.names("layer_types") or figures.names("layers_block_type")
    if len(words) == layers:
        return [STATE_WORDS.get(str(word), "attention") for word in words]
    if name == "falcon_h1":
        return ["attention+mamba2"] * layers
    linear = figures.section("linear_attn_config")
    if linear:  # Kimi Linear counts layers from 1
        delta = Figures(linear).names("kda_layers")
        return ["kimi_delta" if i + 1 in delta else "attention" for i in range(layers)]
    flags = figures.names("attn_type_list")
    if len(flags) == layers:  # MiniMax: 1 is softmax attention
        return ["attention" if flag else "lightning" for flag in flags]
    every = figures.get("full_attention_interval", 0)
    if every:
        return ["attention" if (i + 1) % every == 0 else "delta" for i in range(layers)]
    if name == "jamba":
        period, offset = figures.get("attn_layer_period", 8), figures.get("attn_layer_offset", 4)
        return ["attention" if i % period == offset else "mamba1" for i in range(layers)]
    at = figures.names("attn_layer_indices") or figures.names("full_attn_idxs")
    if at:
        other: Mixing = "convolution" if name == "lfm2" else "mamba2"
        return ["attention" if i in at else other for i in range(layers)]
    return ["attention"] * layers


def _mixtures(name: str, figures: Figures, layers: int) -> list[Feeding]:
    if feed_forward.expert_count(figures) < 2:
        return ["dense"] * layers
    frequency = figures.names("moe_layer_freq")
    if len(frequency) == layers:
        return ["mixture" if one else "dense" for one in frequency]
    first = figures.get("first_k_dense_replace", 0)
    every = max(figures.get("moe_layer_freq", 1), figures.get("moe_layer_interval", 1))
    step = figures.get("interleave_moe_layer_step", figures.get("decoder_sparse_step", 1))
    dense = figures.names("mlp_only_layers")
    if name == "jamba":
        period, offset = figures.get("expert_layer_period", 2), figures.get("expert_layer_offset", 1)
        return ["mixture" if i % period == offset else "dense" for i in range(layers)]
    listed = figures.names("moe_layers")
    if listed:
        return ["mixture" if i in listed else "dense" for i in range(layers)]
    return [
        "mixture" if i >= first and i % every == 0 and (i + 1) % step == 0 and i not in dense else "dense"
        for i in range(layers)
    ]
