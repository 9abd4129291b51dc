"""How much memory llama.cpp takes, part by part, in bytes.

Measured with xllamacpp 2026.10.11549 (llama.cpp b11549) on x86-64 Linux, Python 3.11, on 2026-11-23:

`python -m llmdeploy.engines.llamacpp`, embedded model (2.1 MB), 512 tokens a slot, RSS in MiB from
/proc/PID/smaps_rollup when it listens, and after 4 questions per slot, all slots busy:

    slots              1     4     8    16    32
    listening       41.6  43.4  45.7  50.4  59.7
    after the work  42.6  45.8  51.4  58.2  71.2   (PSS 5.5 less; 4 slots and 2 threads: 46.4)

so 36 MiB stay when weights, KV cache and touched buffers are taken off (20 of them are libraries), and a slot
adds 0.4 MiB to its KV cache.
Once, with both cores busy, 4 slots took 53.7 MiB (more heaps of the C library, one for each thread that had to wait),
so 10 MiB are added. A vocabulary of 151,936 tokens added 34 MiB against 2,048 (230 bytes a token,
without merges).

Models with a sliding window keep context checkpoints: a Gemma-3-shaped file (10 of 12 layers with a window of 512
tokens, 5 MiB a checkpoint) grew from 42 to 211 MiB of anonymous memory within 16 turns of one chat, then no more:
32 checkpoints (llama.cpp's default) of window x layers with a window. llmdeploy starts it with fewer.

Not counted: the prompt cache of llama.cpp, which the engine runs without (`cache_ram_mib` 0; at its default of
8 GiB the embedded model grew from 42 to 258 MiB RSS with 600 different prompts).
"""

from __future__ import annotations

from typing import Final

from llmdeploy.plan import CONTEXT_CHECKPOINTS, Memory, MemoryPart
from llmdeploy.sizing.architecture import Architecture, Attention
from llmdeploy.units import parameters_text, size_text

KIB: Final = 1024
MIB: Final = 1024 * KIB
GIB: Final = 1024 * MIB

MICRO_BATCH: Final = 512  # llama.cpp's default `n_ubatch`, tokens computed at once
CELL_STEP: Final = 256  # llama.cpp rounds the tokens of a slot up to this
KV_BYTES: Final = 2  # f16

RUNTIME_BYTES: Final = 46 * MIB
RUNTIME_BYTES_PER_TOKEN: Final = 512  # of the vocabulary: text, hash entry, merges
RUNTIME_BYTES_PER_SLOT: Final = 512 * KIB
SAMPLER_BYTES_PER_TOKEN: Final = 16  # of the vocabulary and slot: f32 logits, and id, logit, probability to sort


def round_up(tokens: int, step: int = CELL_STEP) -> int:
    return -(-tokens // step) * step


def kv_bytes_per_token(architecture: Architecture) -> int:
    """Bytes that one token of one request takes in the KV cache while every layer keeps it, f16.

    layers x KV heads x (K width + V width) x 2 bytes; exact for MHA and GQA (llama.cpp logs `KV buffer
    size`). With MLA layers x (latent rank + RoPE width) x 2.
    """
    return sum(count * attention.cache_width for count, attention in architecture.caching()) * KV_BYTES


def kv_cache_bytes(architecture: Architecture, context: int, slots: int = 1) -> int:
    """The KV cache of `slots` requests of `context` tokens each.

    A layer with a sliding window keeps no more than the window and one micro-batch (llama.cpp's
    `llama_kv_cache_iswa`: `GGML_PAD(n_swa + n_ubatch, 256)`). Recurrent layers keep a state of one size.
    """
    cells = sum(
        count * attention.cache_width * _cells(attention, context) * KV_BYTES
        for count, attention in architecture.caching()
    )
    return slots * (cells + architecture.state_bytes)


def checkpoint_bytes(architecture: Architecture, context: int, slots: int = 1) -> int:
    """The most that llama.cpp's context checkpoints take: copies of what the layers with a window hold."""
    one = sum(
        count * min(attention.window, round_up(context)) * attention.cache_width * KV_BYTES
        for count, attention in architecture.caching()
        if attention.window
    )
    return slots * CONTEXT_CHECKPOINTS * one


def compute_buffer_bytes(architecture: Architecture, context: int) -> int:
    """llama.cpp's compute buffer on a CPU: activations of one micro-batch (f32) and the attention mask (f16).

    512 x 4 x (5 x hidden + max(3 x FFN, 2 x Q, Q + 3 x KV)) + 512 x context x 2 bytes, with flash attention (the
    default), and a second mask where layers have a window. Fitted on 2026-11-23 to the log line `CPU compute
    buffer size` of ten Llama-shaped files and contexts and a Gemma-shaped one (hidden 192 - 4096, FFN 512 - 14336,
    512 - 8192 tokens), each within 0.04 MiB; neither slots (1 - 32) nor vocabulary change it. Rows that a matrix
    product converts come on top (at most f16; not measured).
    """
    query = architecture.heads * architecture.head_dim
    key = architecture.kv_heads * architecture.head_dim
    widest = max(3 * architecture.ffn, 2 * query, query + 3 * key)
    activations = MICRO_BATCH * 4 * (5 * architecture.hidden + widest)
    windowed = _window_cells(architecture.sliding_window, context) if architecture.sliding_layers else 0
    mask = MICRO_BATCH * 2 * (round_up(context) + windowed)
    converted = MICRO_BATCH * 2 * max(architecture.ffn, architecture.hidden, query)
    return activations + mask + converted


def llamacpp_memory(architecture: Architecture, context: int, slots: int, available: int) -> Memory:
    """What llama.cpp's server takes on a CPU: `slots` requests of `context` tokens; `available` bytes are
    free."""
    parts = [
        _weights(architecture),
        _kv_cache(architecture, context, slots),
        MemoryPart(
            "compute buffer",
            compute_buffer_bytes(architecture, context),
            f"activations of {MICRO_BATCH} tokens at once",
        ),
        MemoryPart(
            "runtime",
            runtime_bytes(architecture, slots),
            "Python, llama.cpp, vocabulary and HTTP, as measured",
        ),
    ]
    if architecture.sliding_layers:
        kept = checkpoint_bytes(architecture, context, slots)
        reason = f"at most {CONTEXT_CHECKPOINTS} a slot, of the layers with a window"
        parts.append(MemoryPart("context checkpoints", kept, reason))
    return Memory(parts=tuple(parts), available_bytes=available)


def runtime_bytes(architecture: Architecture, slots: int) -> int:
    """The process itself, its vocabulary, and what every slot needs besides its KV cache (measured, see
    above)."""
    vocabulary = architecture.vocabulary * (RUNTIME_BYTES_PER_TOKEN + slots * SAMPLER_BYTES_PER_TOKEN)
    return RUNTIME_BYTES + vocabulary + slots * RUNTIME_BYTES_PER_SLOT


def _weights(architecture: Architecture) -> MemoryPart:
    reason = f"{parameters_text(architecture.parameters)} parameters in {architecture.quantization}"
    return MemoryPart("weights", architecture.weight_bytes, reason)


def _kv_cache(architecture: Architecture, context: int, slots: int) -> MemoryPart:
    per_token = size_text(kv_bytes_per_token(architecture))
    said = f"{slots} {'slot' if slots == 1 else 'slots'} x {context} tokens x {per_token}"
    if architecture.sliding_layers:
        layers = f"{architecture.sliding_layers} of {architecture.layers} layers"
        said += f", {layers} keep {architecture.sliding_window} tokens"
    return MemoryPart("kv cache", kv_cache_bytes(architecture, context, slots), said)


def _cells(attention: Attention, context: int) -> int:
    """Tokens that a layer has room for."""
    return _window_cells(attention.window, context) if attention.window else round_up(context)


def _window_cells(window: int, context: int) -> int:
    return min(round_up(context), round_up(window + MICRO_BATCH))
