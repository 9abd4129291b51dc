"""A model in one quantization, and what can run it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Final

from llmdeploy.methods.need import Need
from llmdeploy.sizing.architecture import Architecture
from llmdeploy.sizing.catalogue.accelerators import Accelerator
from llmdeploy.sizing.catalogue.models import Model
from llmdeploy.sizing.quantization import QUANTIZATIONS, Quantization, quantization, weight_bytes
from llmdeploy.sizing.question import ServedBy

# What vLLM's kernels ask for: compute capability of FP8 is 8.9 (Ada), of AWQ and GPTQ (Marlin) 7.5, of NVFP4 10.0.
LEAST_CAPABILITY: Final = {
    "fp8": 8.9, "fbgemm-fp8": 8.9, "fp8-mxfp4": 8.9, "int8": 7.5, "awq": 7.5, "gptq": 7.5, "gptq-int8": 7.5,
    "nvfp4": 10.0, "mxfp4": 8.0,
}  # fmt: skip
WITHOUT_IMAGE: Final = ("t4g",)  # beside an Arm processor, for which vLLM's image begins with Hopper
ON_GPUS: Final = ("fp8", "awq")
ON_PROCESSORS: Final = ("q8_0", "q4_k_m")


@dataclass(frozen=True)
class Variant:
    """`published` where the weights are used as their publisher stored them."""

    model: Model
    quantization: Quantization
    published: bool

    @property
    def name(self) -> str:
        return f"{self.model.name} {self.quantization.name}"

    @property
    def engine(self) -> ServedBy:
        return "llamacpp" if self.quantization.gguf else "vllm"

    @property
    def architecture(self) -> Architecture:
        return self.model.architecture

    @cached_property
    def weight_bytes(self) -> int:
        return weight_bytes(self.architecture, self.quantization)

    def runs_on(self, device: Accelerator) -> bool:
        """GGUF types under llama.cpp on processors and Apple chips; the others under vLLM on GPUs of NVIDIA and AMD."""
        if device.vendor in ("cpu", "apple") or device.kind == "edge":
            return self.quantization.gguf
        if self.quantization.gguf or device.vendor not in ("nvidia", "amd"):
            return False
        if device.name in WITHOUT_IMAGE:
            return False
        if device.vendor == "amd":
            return self.quantization.name in ("bf16", "fp16", "fp8", "awq", "gptq")
        least = LEAST_CAPABILITY.get(self.quantization.name, 7.0)  # bf16 is computed in fp16 below 8.0
        return float(device.compute_capability or 0) >= least

    @property
    def quality(self) -> float | None:
        """Published MMLU-Pro, or MMLU scaled to it, less what the quantization loses; null where neither is known."""
        score = self.model.mmlu_pro
        if score is None and self.model.mmlu is not None:
            score = pro_of_mmlu(self.model.mmlu)
        return None if score is None else max(0.0, score - self.quantization.loss)


def pro_of_mmlu(mmlu: float) -> float:
    """MMLU-Pro that goes with an MMLU score: a line through the catalogue's rows that have both."""
    return max(5.0, 1.33 * mmlu - 49.0)


def variants(model: Model, need: Need) -> list[Variant]:
    """As published, and in the quantizations that may be asked of it; only the one that the spec names, if it does; of
    a model that comes with llmdeploy, its own file. Where the spec names an engine, those that it reads."""
    return [one for one in _stored(model, need) if need.engine in (one.engine, "auto")]


def _stored(model: Model, need: Need) -> list[Variant]:
    if model.bundled:
        stored = (quantization(one.quantization) for one in model.files)
        return [Variant(model, one, True) for one in stored if one]
    if need.quantization != "auto":
        named = quantization(need.quantization)
        return [Variant(model, named, named.name == model.published.name)] if named else []
    published = model.published
    names = [published.name, *ON_PROCESSORS]
    if published.linear >= 16 and published.experts >= 16:
        names[1:1] = ON_GPUS
    return [Variant(model, QUANTIZATIONS[name], name == published.name) for name in dict.fromkeys(names)]
