"""Mixers that keep a state instead of tokens: Mamba, gated delta nets, lightning attention, short convolutions.

Formulas: the `__init__` of each module in transformers 5; state in the dtype that vLLM 0.32 gives it (16 bits, and 32
for the states of delta nets and lightning attention).
"""

from __future__ import annotations

from llmdeploy.sizing.architecture import Attention
from llmdeploy.sizing.config.figures import Figures

HALF, SINGLE = 2, 4  # bytes


def _mixer(weights: int, vectors: int, state_bytes: int) -> Attention:
    return Attention(0, 0, 0, 0, weights, vectors=vectors, state_bytes=state_bytes)


def delta_net(figures: Figures) -> Attention:
    """Gated delta net of Qwen3-Next and Qwen3.5."""
    hidden = figures.need("hidden_size")
    key = figures.need("linear_num_key_heads") * figures.need("linear_key_head_dim")
    value_heads, value_dim = figures.need("linear_num_value_heads"), figures.need("linear_value_head_dim")
    value = value_heads * value_dim
    kernel = figures.get("linear_conv_kernel_dim", 4)
    weights = hidden * (2 * key + 2 * value + 2 * value_heads) + value * hidden
    vectors = (2 * key + value) * kernel + 2 * value_heads + value_dim
    state = value_heads * value_dim * figures.need("linear_key_head_dim") * SINGLE
    return _mixer(weights, vectors, state + (2 * key + value) * (kernel - 1) * HALF)


def mamba2(figures: Figures) -> Attention:
    """Mamba 2, as in Granite 4, Nemotron-H, Bamba and Falcon-H1, each with its own names."""
    hidden = figures.need("hidden_size")
    heads = figures.get("mamba_n_heads", figures.get("mamba_num_heads", 128))
    head_dim = figures.get("mamba_d_head", figures.get("mamba_head_dim", 64))
    groups = figures.get("mamba_n_groups", figures.get("n_groups", 1))
    state = figures.get("mamba_d_state", figures.get("ssm_state_size", 128))
    kernel = figures.get("mamba_d_conv", figures.get("conv_kernel", 4))
    inner = figures.get("mamba_d_ssm", heads * head_dim)
    convolved = inner + 2 * groups * state
    weights = hidden * (inner + convolved + heads) + inner * hidden
    vectors = convolved * (kernel + 1) + 3 * heads + inner
    return _mixer(weights, vectors, heads * head_dim * state * HALF + convolved * (kernel - 1) * HALF)


def mamba1(figures: Figures) -> Attention:
    """Mamba 1, as in Jamba."""
    hidden = figures.need("hidden_size")
    inner = figures.get("mamba_expand", 2) * hidden
    state, kernel = figures.get("mamba_d_state", 16), figures.get("mamba_d_conv", 4)
    rank = figures.get("mamba_dt_rank", -(-hidden // 16))
    weights = hidden * 2 * inner + inner * (rank + 2 * state) + rank * inner + inner * hidden
    vectors = inner * (kernel + 1) + inner * state + 2 * inner + rank + 2 * state
    return _mixer(weights, vectors, inner * state * HALF + inner * (kernel - 1) * HALF)


def lightning(figures: Figures) -> Attention:
    """Linear attention of MiniMax-01 and M1: QKV, an output gate and a state per head."""
    hidden, heads = figures.need("hidden_size"), figures.need("num_attention_heads")
    head_dim = figures.get("head_dim", hidden // heads)
    width = heads * head_dim
    return _mixer(hidden * 3 * width + 2 * hidden * width, width, heads * head_dim * head_dim * SINGLE)


def short_convolution(figures: Figures) -> Attention:
    """LFM2's gated short convolution."""
    hidden, kernel = figures.need("hidden_size"), figures.get("conv_L_cache", 3)
    return _mixer(4 * hidden * hidden, hidden * kernel, hidden * kernel * HALF)


def kimi_delta(figures: Figures) -> Attention:
    """Kimi delta attention: Q, K, V with convolutions, two low-rank gates and a state per head."""
    hidden, own = figures.need("hidden_size"), Figures(figures.section("linear_attn_config") or {})
    heads, head_dim, kernel = own.need("num_heads"), own.need("head_dim"), own.get("short_conv_kernel_size", 4)
    width = heads * head_dim
    gates = 2 * (hidden * head_dim + head_dim * width) + hidden * heads
    vectors = 3 * width * kernel + width + heads + head_dim
    state = heads * head_dim * head_dim * SINGLE + 3 * width * (kernel - 1) * HALF
    return _mixer(4 * hidden * width + gates, vectors, state)
