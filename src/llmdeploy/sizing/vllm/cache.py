"""The KV cache of vLLM: bytes per token, tokens in a pool, requests at once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from llmdeploy.sizing.architecture import Architecture, Attention
from llmdeploy.sizing.vllm.versions import Behaviour

BLOCK: Final = 16  # tokens
UNEVEN: Final = 1.5  # kinds of layers whose numbers differ by less are padded to one size (kv_cache_utils.py)


def kv_bytes_per_token(architecture: Architecture, bytes_per_number: float = 2) -> float:
    """What one token of one request leaves in all layers, while it is inside their windows.

    Layers x KV heads x (K width + V width) x bytes; with MLA layers x (latent rank + RoPE width) x bytes. Recurrent
    layers keep no tokens.
    """
    return sum(count * attention.cache_width for count, attention in architecture.caching()) * bytes_per_number


def _width_per_gpu(attention: Attention, tensor: int) -> int:
    """Numbers per token and layer on one GPU: heads are divided, at least one each; MLA's latent is not."""
    if attention.latent:
        return attention.latent
    return max(1, attention.kv_heads // tensor) * (attention.head_dim + attention.head_dim_v)


def kv_bytes_per_token_per_gpu(
    architecture: Architecture, bytes_per_number: float, tensor: int = 1, pipeline: int = 1
) -> float:
    """The same on the fullest GPU of a group."""
    share = -(-architecture.layers // pipeline) / architecture.layers
    width = sum(count * _width_per_gpu(attention, tensor) for count, attention in architecture.caching())
    return share * width * bytes_per_number


@dataclass(frozen=True)
class Cache:
    """`tokens` as vLLM prints them, and how many requests of the longest context go in at once."""

    tokens: int
    requests: float


@dataclass(frozen=True)
class _Kind:
    """Layers that share one shape of block."""

    count: int
    bytes_per_token: float
    window: int
    state: float


def cache_of(
    architecture: Architecture, available: float, *, max_model_len: int, batched_tokens: int, bytes_per_number: float,
    tensor: int, pipeline: int, how: Behaviour,
) -> Cache:  # fmt: skip
    """What fits into `available` bytes per GPU.

    Where all layers are alike, the pool divided by the bytes of a token. Where they are not, vLLM cuts the layers into
    groups of one size and a block belongs to one group (`_get_kv_cache_groups_uniform_page_size`).
    """
    kinds = _kinds(architecture, bytes_per_number, tensor, pipeline)
    if available <= 0 or not kinds:
        return Cache(0, 0.0)
    alone = len(kinds) == 1
    if alone or not how.hybrid:
        per_token = sum(kind.count * kind.bytes_per_token for kind in kinds)
        if not per_token:
            return Cache(0, 0.0)
        tokens = int(available / per_token) // BLOCK * BLOCK
        return Cache(tokens, tokens / max_model_len)
    return _grouped(kinds, available, max_model_len, batched_tokens, how)


def _kinds(architecture: Architecture, bytes_per_number: float, tensor: int, pipeline: int) -> list[_Kind]:
    found: dict[tuple[float, int, float], int] = {}
    for block in architecture.blocks:
        attention = block.attention
        width = _width_per_gpu(attention, tensor) * bytes_per_number if attention.cache_width else 0.0
        if width or attention.state_bytes:
            key = (width, attention.window, attention.state_bytes / tensor)
            found[key] = found.get(key, 0) + block.count
    return [_Kind(-(-count // pipeline), *key) for key, count in found.items()]


def _grouped(kinds: list[_Kind], available: float, max_model_len: int, batched: int, how: Behaviour) -> Cache:
    counts = [kind.count for kind in kinds]
    size = max(counts) if max(counts) < UNEVEN * min(counts) else min(counts)
    widest = max(kind.bytes_per_token for kind in kinds)
    state = max(kind.state for kind in kinds)
    block = BLOCK * max(1, -(-int(state) // int(BLOCK * widest))) if state and widest else BLOCK
    blocks = int(available / (size * block * widest))
    groups = [(kind, -(-kind.count // size)) for kind in kinds]
    per_request = sum(number * _blocks(kind, block, max_model_len, batched) for kind, number in groups)
    requests = blocks / per_request
    if how.by_request:
        return Cache(int(requests * max_model_len), requests)
    return Cache(blocks // sum(number for _, number in groups) * block, requests)


def _blocks(kind: _Kind, block: int, max_model_len: int, batched: int) -> int:
    """Blocks of one group for a request of the longest context."""
    if not kind.bytes_per_token:
        return 1
    if kind.window:
        return -(-min(kind.window - 1 + batched, max_model_len) // block) + 1
    return -(-max_model_len // block)
