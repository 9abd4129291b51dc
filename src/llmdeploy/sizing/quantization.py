"""How many bits a weight takes, by quantization, and what the device computes with."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Final, Literal

from llmdeploy.sizing.architecture import Architecture

Arithmetic = Literal["fp32", "fp16", "bf16", "fp8", "int8", "fp4"]
SMALL_BITS: Final = 16  # norms, biases, routers and vision towers stay as they were published


@dataclass(frozen=True, slots=True)
class Quantization:
    """Bits per weight, scales and zeros included, in the matrices of layers (`linear`), in `experts`, in the token
    `embedding` and the output `head`. `arithmetic` is what matrix products run in; weights of fewer bits are unpacked
    to it. `gguf` marks the types that llama.cpp reads. `loss` is the published drop of accuracy in points (average of
    the OpenLLM leaderboard, or MMLU), for comparing variants."""

    name: str
    linear: float
    experts: float
    embedding: float
    head: float
    arithmetic: Arithmetic
    gguf: bool = False
    loss: float = 0.0


def _plain(name: str, bits: float, arithmetic: Arithmetic) -> Quantization:
    return Quantization(name, bits, bits, bits, bits, arithmetic)


def _linear(name: str, bits: float, arithmetic: Arithmetic, loss: float) -> Quantization:
    """Everything but embedding and head."""
    return Quantization(name, bits, bits, 16, 16, arithmetic, loss=loss)


def _gguf(name: str, linear: float, embedding: float, head: float, loss: float) -> Quantization:
    return Quantization(name, linear, linear, embedding, head, "fp16", gguf=True, loss=loss)


# AWQ and GPTQ: 4 bits, and per group of 128 a scale of 16 bits and a zero of 4. MXFP4: an 8-bit scale for 32 weights
# (OCP Microscaling 1.0). NVFP4: an 8-bit scale for 16. NF4: a 32-bit scale for 64, itself in 8 bits (QLoRA, 2.3). FP8:
# a scale for a channel or a block of 128 x 128. Losses: "Give Me BF16 or Give Me Death" (arXiv 2411.02355), averages of
# Llama 3.1 8B and 70B. GGUF: bits of the mixtures as bartowski's files of Llama 3.1 8B come out, losses from the KL
# divergence tables of llama.cpp's tools/quantize README, in points of MMLU.
QUANTIZATIONS: Final[dict[str, Quantization]] = {
    one.name: one
    for one in (
        _plain("fp32", 32, "fp32"),
        _plain("fp16", 16, "fp16"),
        _plain("bf16", 16, "bf16"),
        _linear("fp8", 8.02, "fp8", 0.1),
        # Meta's FP8 of Llama 3.1 405B: attention and the outer layers stay in 16 bits, 18 % of the matrices.
        _linear("fbgemm-fp8", 9.46, "fp8", 0.1),
        _linear("int8", 8.02, "int8", 0.3),
        _linear("gptq-int8", 8.16, "fp16", 0.1),
        _linear("awq", 4.16, "fp16", 0.9),
        _linear("gptq", 4.16, "fp16", 0.9),
        _linear("nf4", 4.13, "bf16", 1.0),
        _linear("nvfp4", 4.5, "fp4", 1.0),
        Quantization("mxfp4", 16, 4.25, 16, 16, "bf16"),  # as gpt-oss is published: experts alone
        Quantization("fp8-mxfp4", 8.02, 4.25, 16, 16, "fp8"),  # as DeepSeek V4 is published
        _gguf("f16", 16, 16, 16, 0.0),
        _gguf("q8_0", 8.5, 8.5, 8.5, 0.0),
        _gguf("q6_k", 6.5625, 6.5625, 6.5625, 0.1),
        _gguf("q5_k_m", 5.66, 5.5, 6.5625, 0.2),
        _gguf("q5_k_s", 5.51, 5.5, 6.5625, 0.3),
        _gguf("q5_0", 5.5, 5.5, 6.5625, 0.4),
        _gguf("q4_k_m", 4.81, 4.5, 6.5625, 0.6),
        _gguf("q4_k_s", 4.55, 4.5, 6.5625, 0.9),
        _gguf("q4_0", 4.51, 4.5, 6.5625, 1.5),
        _gguf("q4_1", 5.0, 5.0, 6.5625, 1.0),
        _gguf("iq4_nl", 4.53, 4.5, 6.5625, 0.8),
        _gguf("iq4_xs", 4.28, 4.25, 6.5625, 0.8),
        _gguf("q3_k_l", 4.2, 3.4375, 6.5625, 1.8),
        _gguf("q3_k_m", 3.85, 3.4375, 6.5625, 2.2),
        _gguf("q3_k_s", 3.45, 3.4375, 6.5625, 4.0),
        _gguf("iq3_m", 3.59, 3.4375, 6.5625, 2.5),
        _gguf("iq3_xs", 3.28, 3.4375, 6.5625, 3.5),
        _gguf("iq3_xxs", 3.08, 3.4375, 5.5, 4.5),
        _gguf("q2_k", 2.95, 2.625, 6.5625, 8.0),
        _gguf("iq2_m", 2.71, 3.4375, 5.5, 8.0),
        _gguf("iq2_xs", 2.31, 2.625, 5.5, 12.0),
        _gguf("iq2_xxs", 2.07, 2.625, 5.5, 15.0),
        _gguf("iq1_m", 1.86, 2.625, 5.5, 25.0),
        _gguf("iq1_s", 1.7, 2.625, 5.5, 30.0),
        _gguf("tq2_0", 2.0625, 4.5, 6.5625, 0.0),  # this and the next two for models that were trained so
        _gguf("tq1_0", 1.6875, 4.5, 6.5625, 0.0),
        _gguf("q1_0", 1.125, 1.125, 1.125, 0.0),
    )
}

OTHER_NAMES: Final = {
    "float32": "fp32", "f32": "fp32", "float16": "fp16", "half": "fp16", "bfloat16": "bf16", "fp8_e4m3": "fp8",
    "w8a8": "int8", "int8_w8a8": "int8", "w8a8_int8": "int8", "w8a8_fp8": "fp8", "fbgemm_fp8": "fbgemm-fp8",
    "w4a16": "gptq", "int4": "awq", "awq_marlin": "awq", "gptq_marlin": "gptq", "gptq-int4": "gptq", "awq-int4": "awq",
    "auto-round": "gptq", "bitsandbytes": "nf4", "bnb": "nf4", "bnb-4bit": "nf4", "w8a16": "gptq-int8",
    "modelopt_fp4": "nvfp4", "fp4": "nvfp4", "modelopt": "fp8", "deepseek_v4_fp8": "fp8-mxfp4", "quark": "fp8",
    "gpt_oss_mxfp4": "mxfp4", "compressed-tensors": "fp8", "unknown": "bf16", "iq2_s": "iq2_m", "iq3_s": "iq3_m",
    "q2_k_s": "q2_k", "q5_1": "q5_k_m",
}  # fmt: skip


def quantization(name: str) -> Quantization | None:
    """The quantization of that name in any usual spelling (`Q4_K_M`, `bfloat16`, `W4A16`); None where it is not one."""
    wanted = name.strip().lower()
    spelled = (wanted, wanted.replace("-", "_"), wanted.replace("_", "-"))
    found = (QUANTIZATIONS.get(OTHER_NAMES.get(one, one)) for one in spelled)
    return next((one for one in found if one), None)


def published_quantization(config: Mapping[str, Any]) -> Quantization:
    """How the weights beside a config.json are stored; its dtype where it names no method."""
    said = config.get("quantization_config")
    inner = config.get("text_config")
    if not isinstance(said, Mapping) and isinstance(inner, Mapping):
        said = inner.get("quantization_config")
    if isinstance(said, Mapping):
        return QUANTIZATIONS[_method(said)]
    dtype = str(config.get("dtype") or config.get("torch_dtype") or _inner_dtype(inner) or "bf16")
    return quantization(dtype) or QUANTIZATIONS["bf16"]


def _inner_dtype(inner: object) -> object:
    return (inner.get("dtype") or inner.get("torch_dtype")) if isinstance(inner, Mapping) else None


def _method(said: Mapping[str, Any]) -> str:
    method = str(said.get("quant_method", "")).lower()
    bits = said.get("bits")
    if method == "gptq" and bits == 8:
        return "gptq-int8"
    if method in ("bitsandbytes", "bnb") and said.get("load_in_8bit"):
        return "int8"
    if method == "compressed-tensors":
        return _compressed_tensors(said)
    if method.startswith("modelopt"):
        return "nvfp4" if "FP4" in str(said.get("quant_algo", method)).upper() else "fp8"
    found = quantization(method)
    return found.name if found else "bf16"


def _compressed_tensors(said: Mapping[str, Any]) -> str:
    groups = _section(said.get("config_groups"))
    first = _section(next(iter(groups.values()), None))
    weights = _section(first.get("weights"))
    bits, kind = weights.get("num_bits"), weights.get("type")
    if bits == 4:
        return "nvfp4" if kind == "float" else "gptq"
    if kind == "int":
        return "int8" if first.get("input_activations") else "gptq-int8"
    return "fp8"


def _section(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


# llama.cpp stores rows that no block of 256 divides in blocks of 32 instead (`llama_tensor_get_type`).
UNEVEN_BITS: Final = ((2.0, 4.5), (4.0, 5.5), (5.0, 6.0), (6.0, 8.5))  # from so many bits on -> bits
K_BLOCK: Final = 256


def _fallback(bits: float) -> float:
    return max((then for least, then in UNEVEN_BITS if bits >= least), default=bits)


def weight_bytes(architecture: Architecture, quantization: Quantization) -> int:
    """Bytes of all weights, as stored: parts x their bits. Within 1 % of published files, 4 % for GGUF mixtures."""
    if "_k" in quantization.name and architecture.hidden % K_BLOCK:
        linear, head = _fallback(quantization.linear), _fallback(quantization.head)
        quantization = replace(
            quantization, linear=linear, experts=linear, embedding=_fallback(quantization.embedding), head=head
        )  # fmt: skip
    bits = (
        architecture.linear * quantization.linear
        + architecture.routed * quantization.experts
        + architecture.embedding * (quantization.embedding if architecture.head else quantization.head)
        + architecture.head * quantization.head
        + (architecture.small + architecture.tower) * max(SMALL_BITS, 32 if quantization.name == "fp32" else 0)
    )
    return int(bits / 8)


KV_BYTES: Final = {
    "fp32": 4, "float32": 4, "fp16": 2, "float16": 2, "f16": 2, "bf16": 2, "bfloat16": 2, "int8": 1, "q8_0": 34 / 32,
    "q4_0": 18 / 32, "q4_1": 20 / 32, "q5_0": 22 / 32, "nvfp4": 4.5 / 8,
}  # fmt: skip


def kv_bytes(name: str, weights: Quantization) -> float | None:
    """Bytes of one number in the KV cache: `auto` follows the dtype of the model; None where the name is not known."""
    wanted = name.lower()
    if wanted == "auto":
        return 4 if weights.name == "fp32" else 2
    return 1 if wanted.startswith("fp8") else KV_BYTES.get(wanted)
