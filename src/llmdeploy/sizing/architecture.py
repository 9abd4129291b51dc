"""The shape of a language model: the numbers that decide its memory and its speed. Nothing here reads a file."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property


@dataclass(frozen=True, slots=True)
class Attention:
    """What mixes the tokens of one layer.

    `heads`, `kv_heads`, `head_dim` (of Q and K) and `head_dim_v` give the widths. `weights` counts the numbers in
    matrices, `unsplit` those of them that every GPU of a tensor-parallel group holds whole, `vectors` biases, norms and
    convolutions. It looks back `window` tokens, all of them where that is 0. With `latent` (MLA) a token leaves that
    many numbers in the cache, K and V compressed together and not divided among GPUs. A recurrent mixer (Mamba, linear
    attention) has `state_bytes` per sequence and keeps no tokens: its `kv_heads` are 0.
    """

    heads: int
    kv_heads: int
    head_dim: int
    head_dim_v: int
    weights: int
    unsplit: int = 0
    vectors: int = 0
    window: int = 0
    latent: int = 0
    state_bytes: int = 0

    @property
    def cache_width(self) -> int:
        """Numbers that one token leaves in the KV cache of this layer."""
        return self.latent or self.kv_heads * (self.head_dim + self.head_dim_v)


@dataclass(frozen=True, slots=True)
class FeedForward:
    """The feed-forward part of one layer.

    `width` and `weights` are of the part that every token goes through (a dense FFN, or shared experts). `chosen` of
    `experts`, each with `expert_weights` numbers and `expert_width`, work on a token. `router` is its own matrix.
    """

    width: int
    weights: int
    vectors: int = 0
    experts: int = 0
    chosen: int = 0
    expert_width: int = 0
    expert_weights: int = 0
    router: int = 0


NO_ATTENTION = Attention(0, 0, 0, 0, 0)
NO_FEED_FORWARD = FeedForward(0, 0)


@dataclass(frozen=True, slots=True)
class Block:
    """`count` layers of one kind; `norms` are the numbers in the norms of one layer."""

    count: int
    attention: Attention
    feed_forward: FeedForward
    norms: int


@dataclass(frozen=True)
class Architecture:
    """A decoder, as layers of a few kinds.

    `hidden` and `vocabulary` are widths, `context` is tokens. `embedding` and `head` count numbers (`head` is 0 where
    the embedding is used again), `vectors` the norms and biases outside layers, `tower` what reads pictures or sound.
    `quantization` names how the weights are stored (GGUF's name of the mixture, a dtype, or a method); `weight_bytes`
    and `counted` (parameters) come from the file itself and are 0 where there is none.
    """

    family: str
    hidden: int
    vocabulary: int
    context: int
    blocks: tuple[Block, ...]
    embedding: int
    head: int
    vectors: int = 0
    tower: int = 0
    quantization: str = "bf16"
    weight_bytes: int = 0
    counted: int = 0

    @cached_property
    def layers(self) -> int:
        return sum(block.count for block in self.blocks)

    @cached_property
    def linear(self) -> int:
        """Numbers in the matrices that every token goes through: attention, dense and shared feed-forward."""
        return sum(block.count * (block.attention.weights + block.feed_forward.weights) for block in self.blocks)

    @cached_property
    def routed(self) -> int:
        """Numbers in experts."""
        return sum(b.count * b.feed_forward.experts * b.feed_forward.expert_weights for b in self.blocks)

    @cached_property
    def routed_active(self) -> int:
        """Numbers in the experts that work on one token."""
        return sum(b.count * b.feed_forward.chosen * b.feed_forward.expert_weights for b in self.blocks)

    @cached_property
    def small(self) -> int:
        """Norms, biases, convolutions and routers: never quantized, held whole by every GPU."""
        return self.vectors + sum(
            b.count * (b.norms + b.attention.vectors + b.feed_forward.vectors + b.feed_forward.router)
            for b in self.blocks
        )

    @cached_property
    def parameters(self) -> int:
        return self.counted or (self.linear + self.routed + self.small + self.embedding + self.head + self.tower)

    @cached_property
    def active_parameters(self) -> int:
        """Parameters that work on one token of text: an embedding is looked up, one used again as head is not."""
        return self.linear + self.routed_active + self.small + (self.head or self.embedding)

    @cached_property
    def widest(self) -> Attention:
        """The attention with the most heads: what decides over tensor parallelism and buffers."""
        return max((block.attention for block in self.blocks), key=lambda one: (one.heads * one.head_dim, one.kv_heads))

    @property
    def heads(self) -> int:
        return self.widest.heads

    @property
    def kv_heads(self) -> int:
        return self.widest.kv_heads

    @property
    def head_dim(self) -> int:
        return self.widest.head_dim

    @property
    def head_dim_v(self) -> int:
        return self.widest.head_dim_v

    @cached_property
    def ffn(self) -> int:
        """The widest feed-forward part that one token goes through."""
        return max(_width(block.feed_forward) for block in self.blocks)

    @cached_property
    def sliding_window(self) -> int:
        """The longest window, 0 where every layer sees the whole context."""
        return max((block.attention.window for block in self.blocks), default=0)

    @cached_property
    def sliding_layers(self) -> int:
        return sum(block.count for block in self.blocks if block.attention.window)

    @cached_property
    def state_bytes(self) -> int:
        """What recurrent layers keep per sequence."""
        return sum(block.count * block.attention.state_bytes for block in self.blocks)

    @property
    def mixture(self) -> bool:
        return any(block.feed_forward.experts for block in self.blocks)

    def caching(self) -> Iterator[tuple[int, Attention]]:
        """(layers, attention) of every kind that keeps tokens."""
        for block in self.blocks:
            if block.attention.cache_width:
                yield block.count, block.attention


def _width(part: FeedForward) -> int:
    return part.width + part.chosen * part.expert_width


def dense_decoder(
    *, family: str, layers: int, hidden: int, heads: int, kv_heads: int, head_dim: int, ffn: int, vocabulary: int,
    context: int, tied: bool = False, head_dim_v: int = 0, sliding_window: int = 0, sliding_layers: int = 0,
    quantization: str = "bf16", weight_bytes: int = 0, parameters: int = 0,
) -> Architecture:  # fmt: skip
    """A Llama-shaped decoder: gated FFN, two norms a layer, no biases; `sliding_layers` of them keep a window."""
    head_dim_v = head_dim_v or head_dim
    weights = hidden * heads * (head_dim + head_dim_v) + hidden * kv_heads * (head_dim + head_dim_v)
    feed_forward = FeedForward(ffn, 3 * hidden * ffn)
    blocks = [
        Block(count, Attention(heads, kv_heads, head_dim, head_dim_v, weights, window=window), feed_forward, 2 * hidden)
        for count, window in ((layers - sliding_layers, 0), (sliding_layers, sliding_window))
        if count
    ]
    return Architecture(
        family=family, hidden=hidden, vocabulary=vocabulary, context=context, blocks=tuple(blocks),
        embedding=vocabulary * hidden, head=0 if tied else vocabulary * hidden, vectors=hidden,
        quantization=quantization, weight_bytes=weight_bytes, counted=parameters,
    )  # fmt: skip
