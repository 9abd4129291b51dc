"""What vLLM takes of a GPU, part by part, and what it leaves for the KV cache. Bytes unless a name says GiB."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from llmdeploy.sizing.architecture import Architecture, FeedForward
from llmdeploy.sizing.catalogue.accelerators import Accelerator
from llmdeploy.sizing.quantization import Quantization
from llmdeploy.sizing.vllm.cache import Cache, cache_of
from llmdeploy.sizing.vllm.versions import (
    PINNED,
    UTILIZATION,
    Behaviour,
    Version,
    behaviour,
    default_batched_tokens,
    default_sequences,
)
from llmdeploy.sizing.vllm.weights import weight_bytes_per_gpu

GIB: Final = 1 << 30
HALF, SINGLE, LONG = 2, 4, 8  # bytes

# Fitted to the start-up logs in tests/sizing/published/engine_logs.json.
NON_TORCH_ALONE: Final = 0.25 * GIB
NON_TORCH_STAGES: Final = 0.1 * GIB
NON_TORCH_PCIE: Final = 0.25 * GIB
NON_TORCH_NVLINK: Final = 2.1 * GIB
BUFFERS_COUNTED: Final = (0, 11, 1)  # before, NCCL's buffers were there when vLLM began to measure
NON_TORCH_EXPERTS: Final = 1.3 * GIB  # more, where experts are divided over GPUs
GRAPHS: Final = 0.15 * GIB
GRAPHS_LAYER: Final = 0.022 * GIB
GRAPHS_EXPERTS: Final = 0.9 * GIB
ALLOCATOR: Final = 0.05 * GIB  # what PyTorch holds beyond the tensors at the peak


@dataclass(frozen=True)
class Setting:
    """One vLLM engine: `memory` is what a process sees of one GPU in bytes, `kv_bytes` the bytes of a cached number."""

    memory: float
    tensor: int = 1
    pipeline: int = 1
    utilization: float = UTILIZATION
    max_model_len: int = 4096
    kv_bytes: float = 2
    sequences: int = 0
    batched_tokens: int = 0
    eager: bool = False
    version: Version | None = None
    accelerator: Accelerator | None = None


@dataclass(frozen=True)
class VllmMemory:
    """Parts of one GPU's memory in bytes; `cache` is what is left of `usable`, negative where nothing is."""

    usable: float
    weights: float
    non_torch: float
    activation: float
    graphs: float
    kv: Cache

    @property
    def cache(self) -> float:
        return self.usable - self.weights - self.non_torch - self.activation - self.graphs


def vllm_memory(architecture: Architecture, quantization: Quantization, setting: Setting) -> VllmMemory:
    """Memory of the fullest GPU, as vLLM's profile run finds it."""
    how, version = behaviour(setting.version), setting.version or PINNED
    gib, name = setting.memory / GIB, setting.accelerator.name if setting.accelerator else ""
    batched = setting.batched_tokens or default_batched_tokens(version, gib, name, setting.max_model_len)
    sequences = setting.sequences or default_sequences(version, gib, name)
    batched = min(batched, sequences * setting.max_model_len)
    sequences = min(sequences, batched)
    parts = VllmMemory(
        usable=setting.memory * setting.utilization,
        weights=weight_bytes_per_gpu(architecture, quantization, setting.tensor, setting.pipeline),
        non_torch=_non_torch(architecture, setting, version),
        activation=activation_bytes(architecture, batched, sequences, setting.tensor, version),
        graphs=_graphs(architecture, setting, how),
        kv=Cache(0, 0.0),
    )
    cache = cache_of(
        architecture, parts.cache, max_model_len=setting.max_model_len, batched_tokens=batched,
        bytes_per_number=setting.kv_bytes, tensor=setting.tensor, pipeline=setting.pipeline, how=how,
    )  # fmt: skip
    return VllmMemory(parts.usable, parts.weights, parts.non_torch, parts.activation, parts.graphs, cache)


def activation_bytes(
    architecture: Architecture, batched: int, sequences: int, tensor: int, version: Version = PINNED
) -> float:
    """The peak of the profile run: the widest layer on a full batch, or logits and sampler, whichever is more.

    Layer: hidden and residual, the gated FFN's input and output (2 and 1 times its width), experts' workspaces for each
    chosen expert (`fused_moe`: tokens x chosen x max(2 x width, hidden) and tokens x chosen x width), 16 bits each.
    Sampler: hidden and residual of the batch, and per logit the bytes of `_logit_bytes`.
    """
    layer = max(_layer_bytes(architecture, block.feed_forward, batched, tensor) for block in architecture.blocks)
    logits = sequences * architecture.vocabulary * _logit_bytes(version)
    return max(layer, 2 * batched * architecture.hidden * HALF + logits) + ALLOCATOR


def _logit_bytes(version: Version) -> float:
    """Per logit: 16 and 32 bits of itself, sorted indices (64 bits). V0, and 0.15 and 0.16, keep sorted values,
    probabilities, their logs and masks besides."""
    return 39 if version < (0, 8, 0) or (0, 15, 0) <= version < (0, 17, 0) else HALF + SINGLE + LONG


def _non_torch(architecture: Architecture, setting: Setting, version: Version) -> float:
    """CUDA context and libraries. Where GPUs exchange within layers, NCCL's buffers: large over a switched link of a
    server's GPUs, small over PCIe; and little between stages."""
    if setting.tensor > 1:
        if version < BUFFERS_COUNTED:
            return NON_TORCH_PCIE
        device = setting.accelerator
        if device and (device.link == "pcie" or device.kind != "datacenter"):
            return NON_TORCH_PCIE
        return NON_TORCH_NVLINK + NON_TORCH_EXPERTS * architecture.mixture
    return NON_TORCH_STAGES if setting.pipeline > 1 else NON_TORCH_ALONE


def _layer_bytes(architecture: Architecture, part: FeedForward, tokens: int, tensor: int) -> float:
    hidden, width = architecture.hidden, part.width / tensor
    numbers = tokens * (3 * hidden + 3 * width)
    if part.experts:
        expert = part.expert_width / tensor
        numbers += tokens * part.chosen * (max(2 * expert, hidden) + expert)
    return numbers * HALF


def _graphs(architecture: Architecture, setting: Setting, how: Behaviour) -> float:
    """CUDA graphs, where this version takes them off the cache: by layers, and more with experts."""
    if not how.graphs or setting.eager:
        return 0.0
    return GRAPHS + GRAPHS_LAYER * architecture.layers / setting.pipeline + GRAPHS_EXPERTS * architecture.mixture
