"""A question about llama.cpp on a device: whole on it, or with some layers on the host."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from llmdeploy.sizing.catalogue.accelerators import Accelerator
from llmdeploy.sizing.layout import Layout
from llmdeploy.sizing.llamacpp import MICRO_BATCH, compute_buffer_bytes, runtime_bytes
from llmdeploy.sizing.quantization import weight_bytes
from llmdeploy.sizing.question import GIB, Question, Sized, tokens_needed
from llmdeploy.sizing.vllm.cache import kv_bytes_per_token

# What llama.cpp may take of a device's memory: Metal's working set is three quarters of an Apple chip's memory
# (recommendedMaxWorkingSetSize), a box that shares its memory needs some for its system.
USABLE: Final = {"apple": 0.75, "shared": 0.9, "own": 0.99}
CUDA_CONTEXT: Final = int(0.4 * GIB)
LOGIT_BYTES: Final = 4


def on_llamacpp(question: Question, layout: Layout) -> Sized:
    """Whole on the device where that fits, else with as many layers on the host as are needed and fit there."""
    whole = _whole(question, layout)
    if whole.fits or not question.host_gib or not own_memory(question.accelerator):
        return whole
    return _spread(question, whole) or whole


def _whole(question: Question, layout: Layout) -> Sized:
    shape, stages = question.architecture, layout.pipeline
    context = min(shape.context, question.max_model_len or tokens_needed(question))
    slots = max(1, int(question.load.concurrency))
    usable = question.memory_gib * GIB * _usable(question.accelerator)
    weights = ((shape.weight_bytes or weight_bytes(shape, question.quantization)) - _on_the_host(question)) / stages
    runtime, buffer = runtime_bytes(shape, slots), compute_buffer_bytes(shape, context)
    if own_memory(question.accelerator):
        runtime, buffer = CUDA_CONTEXT, buffer + MICRO_BATCH * shape.vocabulary * LOGIT_BYTES
    per_token = kv_bytes_per_token(shape, question.kv_bytes)
    cache = usable - weights - runtime - buffer - slots * shape.state_bytes / stages
    tokens = int(max(0.0, cache) / per_token * stages) if per_token else 0
    needed = context if question.max_model_len else tokens_needed(question)
    missing = max(0.0, needed * per_token / stages - cache)
    return Sized(
        layout, context, usable, weights, runtime, buffer, 0.0, cache, per_token, tokens, tokens / context,
        not missing, missing, None,
    )  # fmt: skip


def _spread(question: Question, whole: Sized) -> Sized | None:
    """Layers with their weights and cache on both sides (`--n-gpu-layers`); null where both together are too small."""
    layers = question.architecture.layers
    tokens = question.max_model_len or tokens_needed(question)
    cache = tokens * whole.kv_bytes_per_token * max(1, int(question.load.concurrency))
    layer = (whole.weights + cache) / layers
    device = max(0, int((whole.usable - whole.non_torch - whole.activation) // layer))
    host = layers - min(device, layers)
    on_host = host * layer + _on_the_host(question)
    if on_host + runtime_bytes(question.architecture, 1) > question.host_gib * GIB:
        return None
    share = 1 - host / layers
    held = int(cache / whole.kv_bytes_per_token)
    return replace(
        whole, weights=whole.weights * share, cache=cache * share, kv_cache_tokens=held,
        max_concurrency=held / whole.context, fits=True, missing=0.0, host_layers=host,
        flags=(f"--n-gpu-layers {layers - host}",),
    )  # fmt: skip


def _on_the_host(question: Question) -> float:
    """Bytes of the token embedding, which llama.cpp looks up on the host where the device has memory of its own and the
    embedding is not the head as well."""
    shape = question.architecture
    separate = own_memory(question.accelerator) and shape.head
    return shape.embedding * question.quantization.embedding / 8 if separate else 0.0


def own_memory(device: Accelerator | None) -> bool:
    """Whether the device has memory apart from the host's."""
    return device is not None and not device.unified_memory and device.vendor not in ("cpu", "apple")


def _usable(accelerator: Accelerator | None) -> float:
    if accelerator and accelerator.vendor == "apple":
        return USABLE["apple"]
    return USABLE["shared" if accelerator and (accelerator.unified_memory or accelerator.vendor == "cpu") else "own"]
