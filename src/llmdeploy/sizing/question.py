"""What is asked about one model on one kind of device, and the answer."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

from llmdeploy.sizing.architecture import Architecture
from llmdeploy.sizing.catalogue.accelerators import Accelerator
from llmdeploy.sizing.layout import Layout
from llmdeploy.sizing.load import Load, Served
from llmdeploy.sizing.quantization import Quantization
from llmdeploy.sizing.vllm.versions import UTILIZATION, Version

GIB: Final = 1 << 30
ServedBy = Literal["vllm", "llamacpp"]
USUAL_CONTEXT: Final = 8_192  # tokens a request gets at the least where no context is asked for


@dataclass(frozen=True)
class Question:
    """`memory_gib` is what a process sees of one device. `max_model_len` is null where it is not asked for.

    `accelerator` is null where only the memory is known: then nothing is said about speed. `host_gib` is what llama.cpp
    may take of the host's memory for layers that the device has no room for, and `host_cores` compute them.
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
    host_gib: float = 0.0
    host_cores: int = 8


@dataclass(frozen=True)
class Sized:
    """The answer; bytes are of the fullest device. `missing` bytes are wanted where it does not fit. `served` is null
    where the accelerator is not known or the model does not fit. It rests on `flags` where vLLM's own
    settings take too much. `host_layers` are computed by the host.
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
    host_layers: int = 0


def tokens_needed(question: Question) -> int:
    """Tokens that one request must find room for: the context that was asked for, else a usual one."""
    if question.max_model_len:
        return question.max_model_len
    asked = question.load.prompt + question.load.output
    return min(question.architecture.context, max(USUAL_CONTEXT, asked))
