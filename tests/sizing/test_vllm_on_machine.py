"""What vLLM takes of this machine: its best GPU, or its memory."""

from __future__ import annotations

from dataclasses import replace

from llmdeploy.sizing.vllm.on_machine import vllm_memory_on_cpu, vllm_memory_on_gpu

from .shapes import DEMO_SHAPE, GIB, LLAMA_8B


def test_vllm_takes_nine_tenths_of_a_gpu() -> None:
    assert vllm_memory_on_gpu(LLAMA_8B, 4096, 4, 10 * GIB).available_bytes == 9 * GIB
    assert vllm_memory_on_cpu(LLAMA_8B, 4096, 4, 10 * GIB).available_bytes == 10 * GIB


def test_vllm_on_a_cpu_is_near_what_was_measured() -> None:
    """2.7 GB PSS with the embedded model in bf16 and 1 GiB of KV cache."""
    memory = vllm_memory_on_cpu(replace(DEMO_SHAPE, weight_bytes=3_940_000), 512, 16, 16 * GIB)
    without_cache = sum(part.bytes for part in memory.parts if part.name != "kv cache")
    assert 1.6 * GIB <= without_cache <= 2.0 * GIB


def test_parts_say_what_they_are_for() -> None:
    parts = {part.name: part for part in vllm_memory_on_gpu(LLAMA_8B, 4096, 4, 80 * GIB).parts}
    assert parts["kv cache"].bytes == 2 * GIB
    assert parts["kv cache"].reason == "4 slots x 4096 tokens x 128 KiB"
    assert parts["weights"].reason == "8.0 B parameters in Q4_K_M"
    on_cpu = {part.name: part for part in vllm_memory_on_cpu(LLAMA_8B, 4095, 1, 80 * GIB).parts}
    assert on_cpu["kv cache"].bytes == GIB
    assert on_cpu["kv cache"].reason.endswith("in whole GiB")


def test_weights_on_a_gpu_are_never_less_than_the_files() -> None:
    stored = replace(LLAMA_8B, weight_bytes=20 * GIB, quantization="bf16")
    parts = {part.name: part.bytes for part in vllm_memory_on_gpu(stored, 4096, 4, 80 * GIB).parts}
    assert parts["weights"] == 20 * GIB
