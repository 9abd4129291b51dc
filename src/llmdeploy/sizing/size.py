"""One model on one kind of accelerator: does it fit, how much cache is left, how quick is it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final, Literal

from llmdeploy.sizing.architecture import Architecture
from llmdeploy.sizing.catalogue.accelerators import Accelerator
from llmdeploy.sizing.layout import Layout, layouts, whole_layout
from llmdeploy.sizing.llamacpp import MICRO_BATCH, compute_buffer_bytes, runtime_bytes
from llmdeploy.sizing.load import Load, Served, serve
from llmdeploy.sizing.quantization import Quantization, weight_bytes
from llmdeploy.sizing.roofline import Speed, efficiency_of
from llmdeploy.sizing.vllm.cache import BLOCK, kv_bytes_per_token
from llmdeploy.sizing.vllm.memory import Setting, vllm_memory
from llmdeploy.sizing.vllm.versions import PINNED, UTILIZATION, Version, default_sequences

GIB: Final = 1 << 30
ServedBy = Literal["vllm", "llamacpp"]
ROOMY: Final = float(1 << 50)
LEAST_MISSING: Final = float(1 << 20)  # a part of a block is not enough: never told as 0
USUAL_CONTEXT: Final = 8_192  # tokens a request gets at the least where no context is asked for
# What llama.cpp may take of a device's memory: Metal's working set is three quarters of an Apple chip's memory
# (recommendedMaxWorkingSetSize), a box that shares its memory needs some for its system.
USABLE: Final = {"apple": 0.75, "shared": 0.9, "own": 0.99}
CUDA_CONTEXT: Final = int(0.4 * GIB)
LOGIT_BYTES: Final = 4
USUAL_SEQUENCES: Final = 256
FEW_SEQUENCES: Final = 16


@dataclass(frozen=True)
class Question:
    """`memory_gib` is what a process sees of one device. `max_model_len` is null where it is not asked for.

    `accelerator` is null where only the memory is known: then nothing is said about speed.
    """

    architecture: Architecture
    quantization: Quantization
    memory_gib: float
    accelerator: Accelerator | None = None
    count: int = 1
    engine: ServedBy = "vllm"
    max_model_len: int | None = None
    utilization: float = UTILIZATION
    kv_bytes: float = 2
    load: Load = Load(1, 512, 128)
    version: Version | None = None
    sequences: int = 0
    batched_tokens: int = 0
    eager: bool = False


@dataclass(frozen=True)
class Sized:
    """The answer; bytes are of the fullest device. `missing` bytes are wanted where it does not fit. `served` is null
    where the accelerator is not known or the model does not fit. It rests on `flags` where vLLM's own
    settings take too much.
    """

    layout: Layout
    context: int
    usable: float
    weights: float
    non_torch: float
    activation: float
    graphs: float
    cache: float
    kv_bytes_per_token: float
    kv_cache_tokens: int
    max_concurrency: float
    fits: bool
    missing: float
    served: Served | None
    flags: tuple[str, ...] = ()


def size(question: Question, layout: Layout | None = None) -> Sized:
    """The answer for all `count` devices together, or for a `layout` of them."""
    sized = fit(question, layout or _layout(question))
    if not sized.fits or question.accelerator is None:
        return sized
    return replace(sized, served=_served(question, question.accelerator, sized))


def fit(question: Question, layout: Layout) -> Sized:
    """The same without the speed."""
    return _llamacpp(question, layout) if question.engine == "llamacpp" else _vllm(question, layout)


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


def _vllm(question: Question, layout: Layout) -> Sized:
    """With vLLM's own settings, else with fewer sequences at once; and, where no context is asked for that must hold,
    with still fewer and without CUDA graphs."""
    usual, few = (max(one, int(question.load.concurrency)) for one in (USUAL_SEQUENCES, FEW_SEQUENCES))
    tries: list[tuple[int, bool, tuple[str, ...]]] = [(question.sequences, question.eager, ())]
    if not question.sequences:
        tries.append((usual, question.eager, (f"--max-num-seqs {usual}",)))
    if question.max_model_len is None:
        tries.append((few, True, (f"--max-num-seqs {few}", "--enforce-eager")))
    found = [_with_settings(question, layout, *one) for one in tries]
    return next((one for one in found if one.fits), found[-1])


def _with_settings(question: Question, layout: Layout, sequences: int, eager: bool, flags: tuple[str, ...]) -> Sized:
    context = question.max_model_len or question.architecture.context
    setting = Setting(
        memory=question.memory_gib * GIB, tensor=layout.tensor, pipeline=layout.pipeline,
        utilization=question.utilization, max_model_len=context, kv_bytes=question.kv_bytes, sequences=sequences,
        batched_tokens=question.batched_tokens, eager=eager, version=question.version,
        accelerator=question.accelerator,
    )  # fmt: skip
    found = vllm_memory(question.architecture, question.quantization, setting)
    needed = _tokens_needed(question)
    fits = found.kv.tokens > 0 and found.kv.requests * context >= needed
    missing = 0.0 if fits else _missing(question, setting, needed, found.cache)
    return Sized(
        layout, context, found.usable, found.weights, found.non_torch, found.activation, found.graphs, found.cache,
        kv_bytes_per_token(question.architecture, question.kv_bytes), found.kv.tokens, found.kv.requests,
        fits, missing, None, flags if fits else (),
    )  # fmt: skip


def _missing(question: Question, setting: Setting, tokens: int, cache: float) -> float:
    """Bytes that a request of `tokens` wants beyond what is left: its price is that on a device with room for it."""
    roomy = vllm_memory(question.architecture, question.quantization, replace(setting, memory=ROOMY))
    if not roomy.kv.requests:
        return max(-cache, LEAST_MISSING)
    blocks = -(-tokens // BLOCK) * BLOCK
    wanted = roomy.cache / roomy.kv.requests * blocks / setting.max_model_len
    return max(wanted - cache, LEAST_MISSING)


def _llamacpp(question: Question, layout: Layout) -> Sized:
    shape, stages = question.architecture, layout.pipeline
    context = min(shape.context, question.max_model_len or _tokens_needed(question))
    slots = max(1, int(question.load.concurrency))
    usable = question.memory_gib * GIB * _usable(question.accelerator)
    weights = ((shape.weight_bytes or weight_bytes(shape, question.quantization)) - _on_the_host(question)) / stages
    runtime, buffer = runtime_bytes(shape, slots), compute_buffer_bytes(shape, context)
    if _own_memory(question.accelerator):
        runtime, buffer = CUDA_CONTEXT, buffer + MICRO_BATCH * shape.vocabulary * LOGIT_BYTES
    per_token = kv_bytes_per_token(shape, question.kv_bytes)
    cache = usable - weights - runtime - buffer - slots * shape.state_bytes / stages
    tokens = int(max(0.0, cache) / per_token * stages) if per_token else 0
    needed = context if question.max_model_len else _tokens_needed(question)
    missing = max(0.0, needed * per_token / stages - cache)
    return Sized(
        layout, context, usable, weights, runtime, buffer, 0.0, cache, per_token, tokens, tokens / context,
        not missing, missing, None,
    )  # fmt: skip


def _on_the_host(question: Question) -> float:
    """Bytes of the token embedding, which llama.cpp looks up on the host where the device has memory of its own and the
    embedding is not the head as well."""
    shape = question.architecture
    separate = _own_memory(question.accelerator) and shape.head
    return shape.embedding * question.quantization.embedding / 8 if separate else 0.0


def _own_memory(device: Accelerator | None) -> bool:
    """Whether the device has memory apart from the host's."""
    return device is not None and not device.unified_memory and device.vendor not in ("cpu", "apple")


def _tokens_needed(question: Question) -> int:
    """Tokens that one request must find room for: the context that was asked for, else a usual one."""
    if question.max_model_len:
        return question.max_model_len
    asked = question.load.prompt + question.load.output
    return min(question.architecture.context, max(USUAL_CONTEXT, asked))


def _usable(accelerator: Accelerator | None) -> float:
    if accelerator and accelerator.vendor == "apple":
        return USABLE["apple"]
    return USABLE["shared" if accelerator and (accelerator.unified_memory or accelerator.vendor == "cpu") else "own"]


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
    return serve(speed, question.load, most, together=True)
