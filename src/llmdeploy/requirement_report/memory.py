"""What lies in the memory of one device."""

from __future__ import annotations

from llmdeploy.methods.need import Need
from llmdeploy.methods.offer import Offer
from llmdeploy.requirement_report.report import DeviceMemory, MemoryPart
from llmdeploy.sizing.question import GIB
from llmdeploy.units import counted

ENGINES = {"vllm": "vLLM", "llamacpp": "llama.cpp"}


def device_memory(offer: Offer, need: Need) -> DeviceMemory:
    """Parts that the engine takes, then what is free of the cache, then what the engine leaves alone."""
    sized = offer.sized
    total, engine = offer.hardware.memory_gib * GIB, ENGINES[offer.variant.engine]
    needed = min(max(0.0, sized.cache), _cache_needed(offer, need))
    batch = counted(max(1, int(offer.served.batch)), "request")
    requests = f"{batch} at once of {need.prompt + need.output / 2:,.0f} tokens on average"
    parts = [
        MemoryPart("weights", sized.weights, f"{offer.variant.name}: {_share(offer)}"),
        MemoryPart(_runtime(offer), sized.non_torch, "the driver's context, libraries, buffers for the exchange"),
        MemoryPart("activations", sized.activation, "the largest at once, measured by a profile run at the start"),
        MemoryPart("graphs", sized.graphs, "recorded kernels, which save launching them one by one"),
        MemoryPart("KV cache needed", needed, requests),
    ]
    if offer.variant.engine == "llamacpp":
        parts[1:4] = [
            MemoryPart("runtime", sized.non_torch, "the process, vocabulary, slots and HTTP"),
            MemoryPart("activations", sized.activation, "compute buffers of one batch"),
        ]
    rest = sized.usable - sum(part.bytes for part in parts)
    free = [
        MemoryPart("free for more cache", rest, "longer or more requests before any has to wait", free=True),
        MemoryPart("left alone", total - sized.usable, f"what {engine} does not touch: room for the system", free=True),
    ]
    return DeviceMemory(total, sized.usable, engine, tuple(part for part in (*parts, *free) if part.bytes > 0))


def _cache_needed(offer: Offer, need: Need) -> float:
    """The share of the cache that a full batch of requests holds when they are, on average, half way through."""
    room = offer.sized.max_concurrency * offer.sized.context
    return offer.sized.cache * max(1, int(offer.served.batch)) * (need.prompt + need.output / 2) / room if room else 0.0


def _share(offer: Offer) -> str:
    layout = offer.layout
    if layout.devices == 1:
        return "all of them"
    cut = [f"a {name} of each layer" for name, parts in ((_part(layout.tensor), layout.tensor),) if parts > 1]
    cut += [f"one of {layout.pipeline} stages of layers"] if layout.pipeline > 1 else []
    return ", ".join(cut)


def _part(parts: int) -> str:
    return {2: "half"}.get(parts, f"1/{parts}")


def _runtime(offer: Offer) -> str:
    maker = offer.hardware.accelerator.vendor
    return f"{'ROCm' if maker == 'amd' else 'CUDA'} context and libraries"
