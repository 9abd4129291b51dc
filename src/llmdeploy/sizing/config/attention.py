"""Attention of one layer, from config.json: with grouped heads, or compressed (MLA)."""

from __future__ import annotations

from typing import Final

from llmdeploy.sizing.architecture import Attention
from llmdeploy.sizing.config.families import Family
from llmdeploy.sizing.config.figures import Figures

INDEXER_CACHE: Final = 66  # DeepSeek V3.2's index key: 128 fp8 values and a scale, 132 bytes, in numbers of 2 bytes


def attention(figures: Figures, family: Family, window: int) -> Attention:
    if figures.get("kv_lora_rank", 0):
        return latent_attention(figures)
    hidden, heads, kv_heads, head_dim = widths(figures)
    head_dim_v = figures.get("v_head_dim", head_dim)
    query, key, value = heads * head_dim, kv_heads * head_dim, kv_heads * head_dim_v
    matrices = hidden * (query * (2 if family.gated_query else 1) + key + value) + heads * head_dim_v * hidden
    qkv_bias = figures.flag("attention_bias", figures.flag("qkv_bias", figures.flag("add_qkv_bias", family.qkv_bias)))
    qkv_bias = qkv_bias or figures.flag("use_qkv_bias", False) or figures.flag("bias", False)
    out_bias = family.out_bias or (figures.flag("attention_bias", False) and not family.qkv_bias)
    norms = {"": 0, "head": 2 * head_dim, "full": query + key}[_qk_norm(figures, family)]
    vectors = (query + key + value) * qkv_bias + hidden * out_bias + norms + heads * family.sinks
    return Attention(heads, kv_heads, head_dim, head_dim_v, matrices, vectors=vectors, window=window)


def widths(figures: Figures) -> tuple[int, int, int, int]:
    """(hidden, heads, KV heads, head dim)."""
    hidden, heads = figures.need("hidden_size"), figures.need("num_attention_heads")
    head_dim = figures.get("head_dim", max(1, hidden // heads))
    return hidden, heads, _kv_heads(figures, heads), head_dim


def latent_attention(figures: Figures) -> Attention:
    """Multi-head latent attention of DeepSeek V2 and V3: per token `kv_lora_rank` + `qk_rope_head_dim` numbers."""
    hidden, heads = figures.need("hidden_size"), figures.need("num_attention_heads")
    kv_rank, rope = figures.need("kv_lora_rank"), figures.need("qk_rope_head_dim")
    nope, value = figures.need("qk_nope_head_dim"), figures.need("v_head_dim")
    q_rank = figures.get("q_lora_rank", 0)
    down = hidden * (kv_rank + rope) + hidden * q_rank
    query = (q_rank or hidden) * heads * (nope + rope)
    weights = down + query + kv_rank * heads * (nope + value) + heads * value * hidden
    latent = kv_rank + rope
    if figures.get("index_n_heads", 0):
        index_heads, index_dim = figures.need("index_n_heads"), figures.need("index_head_dim")
        indexer = q_rank * index_heads * index_dim + hidden * index_dim + hidden * index_heads
        weights, down, latent = weights + indexer, down + indexer, latent + INDEXER_CACHE
    return Attention(
        heads, heads, nope + rope, value, weights, unsplit=down, vectors=q_rank + kv_rank, latent=latent
    )  # fmt: skip


def _kv_heads(figures: Figures, heads: int) -> int:
    shared = figures.text("model_type") in ("falcon", "gpt_bigcode")
    if shared and not figures.flag("new_decoder_architecture", False):
        return 1 if figures.flag("multi_query", True) else heads
    if figures.text("model_type") == "chatglm" and not figures.flag("multi_query_attention", False):
        return heads
    return figures.get("num_key_value_heads", heads)


def windowed(figures: Figures, window: int) -> Figures:
    """The figures of a layer with a window, where it has heads of its own (MiMo V2: `swa_...`)."""
    if not window or "swa_num_key_value_heads" not in figures.values:
        return figures
    own = {key.removeprefix("swa_"): value for key, value in figures.values.items() if key.startswith("swa_")}
    return Figures({**figures.values, **own})


def _qk_norm(figures: Figures, family: Family) -> str:
    asked = figures.values.get("use_qk_norm", figures.values.get("qk_layernorm"))
    if asked is None:
        return family.qk_norm
    if not asked:
        return ""
    return family.qk_norm or ("full" if figures.text("model_type").startswith("cohere") else "head")
