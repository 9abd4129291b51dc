"""What one GPU of a tensor- and pipeline-parallel group holds of the weights."""

from __future__ import annotations

from typing import Final

from llmdeploy.sizing.architecture import Architecture, Attention
from llmdeploy.sizing.quantization import SMALL_BITS, Quantization

VOCABULARY_STEP: Final = 64  # vLLM pads the vocabulary to this (VocabParallelEmbedding)


def weight_bytes_per_gpu(
    architecture: Architecture, quantization: Quantization, tensor: int = 1, pipeline: int = 1
) -> float:
    """Bytes on the fullest GPU.

    Matrices and experts are divided by `tensor`; KV projections only as far as there are KV heads; norms, routers and
    MLA's down projections are on every GPU. With `pipeline` stages, the first holds the embedding, the last the head.
    """
    share = -(-architecture.layers // pipeline) / architecture.layers
    linear = sum(block.count * _split(architecture, block.attention, tensor) for block in architecture.blocks)
    linear += sum(block.count * block.feed_forward.weights for block in architecture.blocks) / tensor
    bits = share * (
        linear * quantization.linear
        + architecture.routed / tensor * quantization.experts * _expert_padding(architecture, quantization, tensor)
        + architecture.small * SMALL_BITS
    )
    return (bits + _ends(architecture, quantization, tensor, pipeline)) / 8


def _expert_padding(architecture: Architecture, quantization: Quantization, tensor: int) -> float:
    """MXFP4 kernels want the experts' width in steps of 256 and the hidden one in steps of 128: gpt-oss's 2880 x 2880
    becomes 3072 x 2944 (`mxfp4_round_up_hidden_size_and_intermediate_size`)."""
    if quantization.name != "mxfp4":
        return 1.0
    width = max(block.feed_forward.expert_width for block in architecture.blocks) / tensor
    if not width:
        return 1.0
    return -(-width // 256) * 256 / width * (-(-architecture.hidden // 128) * 128 / architecture.hidden)


def _split(architecture: Architecture, attention: Attention, tensor: int) -> float:
    if not attention.kv_heads or attention.latent or tensor <= attention.kv_heads:
        return (attention.weights - attention.unsplit) / tensor + attention.unsplit
    width = attention.head_dim + attention.head_dim_v
    shared = architecture.hidden * attention.kv_heads * width
    return (attention.weights - shared) / tensor + architecture.hidden * width


def _ends(architecture: Architecture, quantization: Quantization, tensor: int, pipeline: int) -> float:
    """Bits of embedding, head and vision tower on the GPU that holds the most of them."""
    padded = -(-architecture.vocabulary // VOCABULARY_STEP) * VOCABULARY_STEP / architecture.vocabulary
    embedding = architecture.embedding * padded * quantization.embedding / tensor
    head = architecture.head * padded * quantization.head / tensor
    first = embedding + architecture.tower * SMALL_BITS / tensor
    if pipeline == 1:
        return first + head
    return max(first, head or embedding)
