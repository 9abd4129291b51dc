"""The feed-forward part of one layer, from config.json: dense, or a mixture of experts."""

from __future__ import annotations

from llmdeploy.sizing.architecture import FeedForward
from llmdeploy.sizing.config.families import Family
from llmdeploy.sizing.config.figures import Figures


def dense(figures: Figures, family: Family) -> FeedForward:
    hidden = figures.need("hidden_size")
    width = figures.get("intermediate_size_mlp", dense_width(figures, hidden))
    if figures.text("model_type") == "qwen":  # counts both halves of the gated part
        width //= 2
    matrices = 3 if family.gated else 2
    bias = figures.flag("mlp_bias", family.mlp_bias) or figures.flag("bias", False)
    vectors = ((matrices - 1) * width + hidden) * bias
    return FeedForward(width, matrices * hidden * width, vectors)


def dense_width(figures: Figures, hidden: int) -> int:
    return figures.get("intermediate_size", 4 * hidden)


def expert_count(figures: Figures) -> int:
    return figures.get("num_experts", 1)


def mixture(figures: Figures, family: Family) -> FeedForward:
    """`chosen` of `experts` work on a token, and the shared ones on each."""
    hidden, experts = figures.need("hidden_size"), expert_count(figures)
    width = figures.get("moe_intermediate_size", dense_width(figures, hidden))
    matrices = 3 if family.gated else 2
    shared = _shared_width(figures, width)
    bias = experts * ((matrices - 1) * width + hidden) * family.expert_bias
    latent = figures.get("moe_latent_size", 0)  # Nemotron 3: experts work on a projection
    gate = hidden if figures.get("shared_expert_intermediate_size", 0) else 0  # Qwen weighs its shared expert
    return FeedForward(
        width=shared,
        weights=matrices * hidden * shared + 2 * hidden * latent,
        vectors=bias + gate + experts * family.router_bias,
        experts=experts,
        chosen=min(experts, figures.get("num_experts_per_tok", 2)),
        expert_width=width,
        expert_weights=matrices * (latent or hidden) * width,
        router=hidden * experts,
    )


def _shared_width(figures: Figures, width: int) -> int:
    """All shared experts together."""
    if figures.text("model_type").startswith("llama4"):
        return width
    for key in ("shared_expert_intermediate_size", "shared_intermediate_size", "moe_shared_expert_intermediate_size"):
        if figures.get(key, 0):
            return figures.need(key) * (figures.get("n_shared_experts", 1) if key.startswith("moe") else 1)
    return width * figures.get("n_shared_experts", 0)
