"""One model on one kind of accelerator: does it fit, how much cache is left, how quick is it."""

from __future__ import annotations

from dataclasses import replace

from llmdeploy.sizing.catalogue.accelerators import Accelerator
from llmdeploy.sizing.layout import Layout, layouts, whole_layout
from llmdeploy.sizing.llamacpp import MICRO_BATCH
from llmdeploy.sizing.llamacpp_device import on_llamacpp
from llmdeploy.sizing.load import Served, serve
from llmdeploy.sizing.processor import processor
from llmdeploy.sizing.quantization import weight_bytes
from llmdeploy.sizing.question import Question, Sized
from llmdeploy.sizing.roofline import Speed, efficiency_of
from llmdeploy.sizing.vllm.device import on_vllm
from llmdeploy.sizing.vllm.versions import PINNED, default_sequences

PCIE_UNKNOWN, PCIE_REACHED = 32.0, 0.7  # GB/s in both directions; share of one direction


def size(question: Question, layout: Layout | None = None) -> Sized:
    """The answer for all `count` devices together, or for a `layout` of them."""
    sized = fit(question, layout or _layout(question))
    if not sized.fits or question.accelerator is None:
        return sized
    return replace(sized, served=_served(question, question.accelerator, sized))


def fit(question: Question, layout: Layout) -> Sized:
    """The same without the speed."""
    return on_llamacpp(question, layout) if question.engine == "llamacpp" else on_vllm(question, layout)


def smallest(question: Question, most: int = 64) -> Sized | None:
    """The answer for the fewest devices that are enough, up to `most`; null where none are."""
    for layout in layouts(question.architecture, most):
        found = fit(question, layout)
        if found.fits:
            return found
    return None


def _layout(question: Question) -> Layout:
    if question.engine == "llamacpp":  # layers are spread over devices, which work one after another
        return Layout(1, question.count)
    return whole_layout(question.architecture, question.count)


def _served(question: Question, device: Accelerator, sized: Sized) -> Served:
    speed = Speed(
        question.architecture, question.quantization, device, sized.layout.tensor, sized.layout.pipeline,
        question.kv_bytes, efficiency_of(device, question.engine),
    )  # fmt: skip
    request = question.load.prompt + question.load.output / 2
    most = sized.max_concurrency * sized.context / request
    if question.engine == "vllm":
        limit = question.sequences or default_sequences(question.version or PINNED, question.memory_gib, device.name)
        most = min(most, limit)
    served = serve(speed, question.load, most, together=True)
    return _with_host(question, sized, served, most) if sized.host_layers else served


def _with_host(question: Question, sized: Sized, whole: Served, most: float) -> Served:
    """Layers work one after another. In decode the host computes its own; for a prompt the device does it all, and
    reads the host's weights over PCIe once for every micro-batch (llama.cpp offloads products of 32 rows and more)."""
    host, load = processor(question.host_cores, question.host_gib), question.load
    speed = Speed(
        question.architecture, question.quantization, host, kv_bytes=question.kv_bytes,
        efficiency=efficiency_of(host, question.engine),
    )  # fmt: skip
    share = sized.host_layers / question.architecture.layers
    itl = whole.itl * (1 - share) + share * serve(speed, load, most).itl
    device = question.accelerator
    link = (device.pcie_gb_s if device and device.pcie_gb_s else PCIE_UNKNOWN) / 2 * PCIE_REACHED * 1e9
    moved = (
        sized.weights / (1 - share) * share if share < 1 else weight_bytes(question.architecture, question.quantization)
    )
    ttft = whole.ttft + moved / link * -(-load.prompt // MICRO_BATCH)
    seconds = ttft + load.output * itl
    return Served(whole.batch, ttft, itl, seconds, whole.batch * load.output / seconds)
