"""DeepSeek V4: every layer keeps a window of one shared K=V head, and most a compressed past beside it.

`compress_ratios` says per layer how many tokens become one entry: 4 (with an indexer), 128, or 0 for the window alone.
Source: `modeling_deepseek_v4.py` of transformers 5. The window is counted as a state, because it has one size.
"""

from __future__ import annotations

from collections import Counter

from llmdeploy.sizing.architecture import Attention, Block
from llmdeploy.sizing.config.families import Family
from llmdeploy.sizing.config.feed_forward import mixture
from llmdeploy.sizing.config.figures import Figures

NAME = "deepseek_v4"
FINE = 4  # the ratio whose layers have an indexer and overlap their entries
COARSE = 128
CACHED_BYTES = 2


def compressed_blocks(figures: Figures, family: Family) -> tuple[Block, ...]:
    hidden, layers = figures.need("hidden_size"), figures.need("num_hidden_layers")
    ratios = figures.names("compress_ratios")[:layers] or _usual(layers)
    fed = mixture(figures, family)
    return tuple(Block(count, _attention(figures, ratio), fed, 2 * hidden) for ratio, count in Counter(ratios).items())


def _usual(layers: int) -> tuple[int, ...]:
    return tuple(0 if i < 2 else FINE if i % 2 == 0 else COARSE for i in range(layers))


def _attention(figures: Figures, ratio: int) -> Attention:
    hidden, heads = figures.need("hidden_size"), figures.need("num_attention_heads")
    head_dim, q_rank = figures.need("head_dim"), figures.need("q_lora_rank")
    o_rank, o_groups = figures.need("o_lora_rank"), figures.need("o_groups")
    down = hidden * (q_rank + head_dim)
    weights = down + heads * head_dim * (q_rank + o_rank) + o_groups * o_rank * hidden
    width = head_dim
    if ratio == FINE:
        index_heads, index_dim = figures.need("index_n_heads"), figures.need("index_head_dim")
        indexer = q_rank * index_heads * index_dim + hidden * index_heads + 4 * hidden * index_dim
        weights, down, width = weights + 4 * hidden * head_dim + indexer, down + indexer, head_dim + index_dim
    elif ratio:
        weights += 2 * hidden * head_dim
    window = figures.get("sliding_window", COARSE) * head_dim * CACHED_BYTES
    return Attention(
        heads, 1 if ratio else 0, head_dim, head_dim, weights, unsplit=down, vectors=q_rank + head_dim,
        latent=width // ratio if ratio else 0, state_bytes=window,
    )  # fmt: skip
