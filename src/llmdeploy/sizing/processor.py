"""A machine's own processor as a device of llama.cpp."""

from __future__ import annotations

from typing import Final

from llmdeploy.sizing.catalogue.accelerators import Accelerator

# Processors of 2022 to 2025 under llama.cpp, per hardware thread. Prefill: 242 tokens/s of a model with 3.3 B active
# parameters on 32 threads of a Xeon 8592+ are 0.05 TFLOPS a thread. Bandwidth: one thread draws some 10 GB/s alone, and
# many share their channels: an EPYC 9554 reached 260 of 460 GB/s with 64 cores (published/throughput.json).
THREAD_TFLOPS: Final = 0.08
THREAD_ALONE: Final = 10.0  # GB/s
THREADS_BASE, THREAD_SHARE = 20.0, 3.0  # GB/s
SYSTEM_GIB: Final = 1.0


def processor(cores: float, memory_gib: float, name: str = "") -> Accelerator:
    """A machine's own processor as a device of llama.cpp."""
    tflops = cores * THREAD_TFLOPS
    return Accelerator(
        name=name or f"{cores:g} cores", title=name or f"{cores:g} cores", vendor="cpu", kind="edge", aliases=(),
        memory_gb=memory_gib, memory_gib=memory_gib, torch_memory_gib=max(0.5, memory_gib - SYSTEM_GIB),
        bandwidth_gb_s=min(cores * THREAD_ALONE, THREADS_BASE + cores * THREAD_SHARE), tflops={"fp32": tflops},
        power_w=None, compute_capability=None,
        unified_memory=True, link="none", link_gb_s=None, pcie_gb_s=None, list_price_usd=None, price_note=None,
        cloud=(), source="assumption", date="2026-11-24",
    )  # fmt: skip
