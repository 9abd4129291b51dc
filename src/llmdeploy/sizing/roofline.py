"""Speed by roofline: prefill is bound by arithmetic, decode by memory bandwidth, both by what joins several devices.

A decode step of a batch reads every weight that its tokens touch and the cached tokens of its requests, once; it also
multiplies them. The step takes the longer of the two, the exchange between devices, and what launching kernels and
scheduling cost. Efficiencies are shares of the data sheet's figures, fitted to tests/sizing/published/throughput.json.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Final

from llmdeploy.sizing.architecture import Architecture
from llmdeploy.sizing.catalogue.accelerators import Accelerator
from llmdeploy.sizing.quantization import SMALL_BITS, Quantization

GIGA, TERA = 1e9, 1e12


@dataclass(frozen=True, slots=True)
class Efficiency:
    """Shares of the peak that serving reaches, and fixed costs in seconds.

    `compute` in prefill, `bandwidth` in decode; `launch` per layer and step, `step` per step of the scheduler,
    `sequence` per request in a step (sampling, detokenizing), `link` share of the link, `hop` per exchange.
    """

    compute: float
    bandwidth: float
    launch: float
    step: float
    sequence: float
    link: float
    hop: float


NVIDIA: Final = Efficiency(0.48, 0.72, 8.6e-6, 0.78e-3, 10e-6, 0.47, 16e-6)
AMD: Final = Efficiency(0.55, 0.72, 8.4e-6, 1.1e-3, 24e-6, 0.34, 29e-6)
OTHER: Final = Efficiency(0.4, 0.6, 10e-6, 1.2e-3, 25e-6, 0.3, 30e-6)
LLAMACPP: Final = Efficiency(0.6, 0.77, 7.7e-6, 0.7e-3, 20e-6, 0.4, 10e-6)
LLAMACPP_APPLE: Final = Efficiency(0.6, 0.7, 8.2e-6, 1.7e-3, 20e-6, 0.4, 10e-6)
LLAMACPP_BOX: Final = Efficiency(0.55, 0.78, 8.1e-6, 1.0e-3, 20e-6, 0.4, 10e-6)


def efficiency_of(accelerator: Accelerator, engine: str) -> Efficiency:
    if engine == "llamacpp":
        return {"apple": LLAMACPP_APPLE, "edge": LLAMACPP_BOX}.get(accelerator.kind, LLAMACPP)
    return {"nvidia": NVIDIA, "amd": AMD}.get(accelerator.vendor, OTHER)


@dataclass(frozen=True)
class Speed:
    """One replica: an architecture, quantized, on `tensor` x `pipeline` devices."""

    architecture: Architecture
    quantization: Quantization
    accelerator: Accelerator
    tensor: int = 1
    pipeline: int = 1
    kv_bytes: float = 2
    efficiency: Efficiency = NVIDIA

    @cached_property
    def _flops(self) -> float:
        return self.accelerator.peak_tflops(self.quantization.arithmetic) * TERA * self.efficiency.compute

    @cached_property
    def _bandwidth(self) -> float:
        return self.accelerator.bandwidth_gb_s * GIGA * self.efficiency.bandwidth

    @cached_property
    def _dense_bytes(self) -> float:
        """Weights that every token touches."""
        shape, bits = self.architecture, self.quantization
        head = (shape.head or shape.embedding) * bits.head
        return (shape.linear * bits.linear + head + shape.small * SMALL_BITS) / 8

    @cached_property
    def _experts(self) -> tuple[tuple[float, float], ...]:
        """(bytes of all experts, share of them that one token touches) of every kind of layer."""
        parts = ((block.count, block.feed_forward) for block in self.architecture.blocks)
        return tuple(
            (count * part.experts * part.expert_weights * self.quantization.experts / 8, part.chosen / part.experts)
            for count, part in parts
            if part.experts
        )

    def touched_bytes(self, tokens: float) -> float:
        """Weights that a step of `tokens` reads: all dense ones, and each expert that at least one token chose."""
        routed: float = sum(size * (1 - (1 - share) ** tokens) for size, share in self._experts)
        return self._dense_bytes + routed

    def cached_bytes(self, context: float) -> float:
        """What one request of `context` tokens makes a step read of the cache, over all devices."""
        total = 0.0
        for block in self.architecture.blocks:
            attention = block.attention
            seen = min(context, attention.window) if attention.window else context
            copies = self.tensor if attention.latent else max(1.0, self.tensor / max(1, attention.kv_heads))
            total += block.count * (seen * attention.cache_width * self.kv_bytes * copies + attention.state_bytes)
        return total

    def attention_flops(self, context: float) -> float:
        """Of one token that looks back over `context` tokens: scores and their sum, 2 operations each."""
        total = 0.0
        for block in self.architecture.blocks:
            attention = block.attention
            seen = min(context, attention.window) if attention.window else context
            width = 2 * attention.latent if attention.latent else attention.head_dim + attention.head_dim_v
            total += block.count * 2 * seen * attention.heads * width
        return total

    def decode_seconds(self, batch: float, context: float) -> float:
        """One step of `batch` requests that have `context` tokens each."""
        devices = self.tensor  # stages work one after another on a step
        memory = (self.touched_bytes(batch) + batch * self.cached_bytes(context)) / devices / self._bandwidth
        work = batch * (2 * self.architecture.active_parameters + self.attention_flops(context))
        compute = work / devices / self._flops
        fixed = self.efficiency.step + self.architecture.layers * self.efficiency.launch
        return max(memory, compute) + self._exchange(batch) + fixed + batch * self.efficiency.sequence

    def prefill_seconds(self, tokens: float) -> float:
        """A prompt of `tokens`, alone."""
        work = tokens * (2 * self.architecture.active_parameters + self.attention_flops(tokens / 2))
        compute = work / self.tensor / self._flops
        memory = self.touched_bytes(tokens) / self.tensor / self._bandwidth
        fixed = self.efficiency.step + self.architecture.layers * self.efficiency.launch
        return max(memory, compute) + self._exchange(tokens) + fixed

    def _exchange(self, tokens: float) -> float:
        """Two all-reduces a layer over the group, and one hand-over a stage."""
        stages = (self.pipeline - 1) * self.efficiency.hop * 4
        if self.tensor == 1:
            return stages
        link = (self.accelerator.link_gb_s or self.accelerator.pcie_gb_s or 16) * GIGA / 2 * self.efficiency.link
        moved = tokens * self.architecture.hidden * 2 * 2 * (self.tensor - 1) / self.tensor
        return stages + 2 * self.architecture.layers * (self.efficiency.hop + moved / link)
