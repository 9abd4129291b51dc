"""What Gemma 3n and Gemma 4 do otherwise: wider heads in full layers, layers that share a cache, per-layer embeddings.

Source: `modeling_gemma3n.py` and `modeling_gemma4.py` of transformers 5.
"""

from __future__ import annotations

from dataclasses import replace

from llmdeploy.sizing.architecture import Attention, FeedForward
from llmdeploy.sizing.config import feed_forward
from llmdeploy.sizing.config.attention import attention
from llmdeploy.sizing.config.families import Family
from llmdeploy.sizing.config.figures import Figures

NAMES = ("gemma3n", "gemma4", "gemma4_unified")
TOWERS = {"gemma3n": 300_000_000 + 681_000_000}  # MobileNet-V5 and the audio encoder (model card)


def shares_cache(figures: Figures, index: int) -> bool:
    """The last layers read the cache of an earlier one and keep none."""
    return index >= figures.need("num_hidden_layers") - figures.get("num_kv_shared_layers", 0)


def gemma_attention(figures: Figures, family: Family, window: int, shared: bool) -> Attention:
    values = dict(figures.values)
    same = bool(values.get("attention_k_eq_v"))
    if not window and values.get("global_head_dim"):
        values["head_dim"] = values["global_head_dim"]
        if same and values.get("num_global_key_value_heads"):
            values["num_key_value_heads"] = values["num_global_key_value_heads"]
    found = attention(Figures(values), family, window)
    key = figures.need("hidden_size") * found.kv_heads * found.head_dim
    if shared:
        own = 0 if str(values.get("model_type", "")).startswith("gemma3n") else 2 * key
        return replace(found, weights=found.weights - own, kv_heads=0)
    return replace(found, weights=found.weights - key) if same and not window else found


def gemma_feed_forward(figures: Figures, family: Family, shared: bool) -> FeedForward:
    values = dict(figures.values)
    if shared and values.get("use_double_wide_mlp"):
        values["intermediate_size"] = 2 * figures.need("intermediate_size")
    own = feed_forward.dense(Figures(values), family)
    narrow, hidden = figures.get("hidden_size_per_layer_input", 0), figures.need("hidden_size")
    extra = 2 * hidden * narrow + 2 * hidden * figures.get("laurel_rank", 0)
    extra += hidden * figures.get("altup_num_inputs", 0)
    own = replace(own, weights=own.weights + extra)
    if not values.get("enable_moe_block"):
        return own
    experts = feed_forward.mixture(figures, family)
    return replace(experts, width=own.width, weights=own.weights, vectors=own.vectors + 3 * hidden)


def per_layer_embedding(figures: Figures) -> tuple[int, int]:
    """(numbers that are looked up, numbers that are multiplied) outside the layers."""
    layers, hidden = figures.need("num_hidden_layers"), figures.need("hidden_size")
    width = figures.get("hidden_size_per_layer_input", 0) * layers
    streams = max(0, figures.get("altup_num_inputs", 1) - 1)
    return figures.get("vocab_size_per_layer_input", 0) * width, hidden * width + 2 * streams * hidden * hidden
