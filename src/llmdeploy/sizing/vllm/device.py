"""A question about vLLM on GPUs."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from llmdeploy.sizing.layout import Layout
from llmdeploy.sizing.question import GIB, Question, Sized, tokens_needed
from llmdeploy.sizing.vllm.cache import BLOCK, kv_bytes_per_token
from llmdeploy.sizing.vllm.memory import Setting, vllm_memory

ROOMY: Final = float(1 << 50)
LEAST_MISSING: Final = float(1 << 20)  # a part of a block is not enough: never told as 0
USUAL_SEQUENCES: Final = 256
FEW_SEQUENCES: Final = 16


def on_vllm(question: Question, layout: Layout) -> Sized:
    """With vLLM's own settings, else with fewer sequences at once; and, where no context is asked for that must hold,
    with still fewer and without CUDA graphs."""
    usual, few = (max(one, int(question.load.concurrency)) for one in (USUAL_SEQUENCES, FEW_SEQUENCES))
    tries: list[tuple[int, bool, tuple[str, ...]]] = [(question.sequences, question.eager, ())]
    if not question.sequences:
        tries.append((usual, question.eager, (f"--max-num-seqs {usual}",)))
    if question.max_model_len is None:
        tries.append((few, True, (f"--max-num-seqs {few}", "--enforce-eager")))
    for settings in tries[:-1]:
        found = _with_settings(question, layout, *settings)
        if found.fits:
            return found
    return _with_settings(question, layout, *tries[-1])


def _with_settings(question: Question, layout: Layout, sequences: int, eager: bool, flags: tuple[str, ...]) -> Sized:
    context = question.max_model_len or question.architecture.context
    setting = Setting(
        memory=question.memory_gib * GIB, tensor=layout.tensor, pipeline=layout.pipeline,
        utilization=question.utilization, max_model_len=context, kv_bytes=question.kv_bytes, sequences=sequences,
        batched_tokens=question.batched_tokens, eager=eager, version=question.version,
        accelerator=question.accelerator,
    )  # fmt: skip
    found = vllm_memory(question.architecture, question.quantization, setting)
    needed = tokens_needed(question)
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
