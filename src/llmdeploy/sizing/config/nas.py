"""Models whose layers were searched one by one (NVIDIA's Puzzle): `block_configs` decides each.

Source: `modeling_decilm.py` of Llama-3.3-Nemotron-Super-49B. KV heads = heads / `n_heads_in_group`, FFN = 2 x
`ffn_mult` x hidden / 3 in steps of 256; `no_op` leaves a part out, `replace_with_linear` puts one square matrix in its
place.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from llmdeploy.sizing.architecture import NO_ATTENTION, NO_FEED_FORWARD, Attention, Block, FeedForward
from llmdeploy.sizing.config.attention import attention
from llmdeploy.sizing.config.families import Family
from llmdeploy.sizing.config.feed_forward import dense
from llmdeploy.sizing.config.figures import Figures, section_of

STEP = 256


def searched_blocks(figures: Figures, family: Family) -> tuple[Block, ...]:
    hidden = figures.need("hidden_size")
    found: dict[tuple[Attention, FeedForward], int] = {}
    for one in figures.names("block_configs"):
        said = section_of(one)
        mixer = _attention(section_of(said.get("attention")), figures, family)
        fed = _ffn(section_of(said.get("ffn")), figures, family)
        found[(mixer, fed)] = found.get((mixer, fed), 0) + 1
    return tuple(Block(count, mixer, fed, 2 * hidden) for (mixer, fed), count in found.items())


def _attention(said: Mapping[str, Any], figures: Figures, family: Family) -> Attention:
    hidden, heads = figures.need("hidden_size"), figures.need("num_attention_heads")
    if said.get("no_op"):
        return NO_ATTENTION
    if said.get("replace_with_linear"):
        return Attention(0, 0, 0, 0, hidden * hidden)
    group = Figures(said).need("n_heads_in_group")
    return attention(Figures({**figures.values, "num_key_value_heads": max(1, heads // group)}), family, 0)


def _ffn(said: Mapping[str, Any], figures: Figures, family: Family) -> FeedForward:
    hidden = figures.need("hidden_size")
    if said.get("no_op"):
        return NO_FEED_FORWARD
    if said.get("replace_with_linear"):
        return FeedForward(hidden, hidden * hidden)
    width = int(2 * Figures(said).number("ffn_mult", 1) * hidden / 3)
    return dense(Figures({**figures.values, "intermediate_size": -(-width // STEP) * STEP}), family)
