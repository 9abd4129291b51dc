"""Size one model for one kind of device, from what a person types."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from llmdeploy.adapters.model_shape import Shaped, shape_of
from llmdeploy.environment import Environment
from llmdeploy.errors import StepError, UsageError
from llmdeploy.sizing.catalogue.accelerators import Accelerator, accelerator, similar_accelerators
from llmdeploy.sizing.catalogue.names import said_by
from llmdeploy.sizing.config import architecture_of_config, known_family
from llmdeploy.sizing.device_memory import visible_gib
from llmdeploy.sizing.load import Load
from llmdeploy.sizing.quantization import QUANTIZATIONS, Quantization, kv_bytes, published_quantization, quantization
from llmdeploy.sizing.question import Question, ServedBy
from llmdeploy.sizing.size import size, smallest
from llmdeploy.sizing.size_answer import SizeAnswer
from llmdeploy.sizing.vllm.versions import version_of

SMALL_BOX_GIB = 17
REFINED = {"fp8": ("fbgemm-fp8", "fp8-mxfp4")}  # what some publishers mean by it
AS_PUBLISHED = ("auto", "none", "compressed-tensors", "modelopt", "quark")


@dataclass(frozen=True)
class SizeRequest:
    """The options of `llmdeploy size`, as typed."""

    model: str
    config: Path | None = None
    accelerator: str | None = None
    count: int = 1
    memory_gib: float | None = None
    max_model_len: int | None = None
    utilization: float = 0.9
    quantization: str | None = None
    kv_cache_dtype: str = "auto"
    concurrency: int = 1
    prompt_tokens: int = 512
    output_tokens: int = 128
    engine: str = "auto"
    engine_version: str | None = None
    max_num_seqs: int | None = None
    max_num_batched_tokens: int | None = None
    enforce_eager: bool = False
    host_memory_gib: float = 0.0
    host_cores: int = 8


def size_model(request: SizeRequest, environment: Environment) -> SizeAnswer:
    """Raises UsageError for a name or figure that means nothing, MissingError where the hub is needed and not there."""
    device = _device(request)
    shaped = _shaped(request, environment)
    stored = _quantization(request, shaped)
    question = Question(
        architecture=shaped.architecture,
        quantization=stored,
        memory_gib=visible_gib(request.memory_gib, device),
        accelerator=device,
        count=request.count,
        engine=_engine(request, stored, device),
        max_model_len=request.max_model_len,
        utilization=request.utilization,
        kv_bytes=_kv_bytes(request, stored),
        load=Load(request.concurrency, request.prompt_tokens, request.output_tokens),
        version=_version(request),
        sequences=request.max_num_seqs or 0,
        batched_tokens=request.max_num_batched_tokens or 0,
        eager=request.enforce_eager,
        host_gib=request.host_memory_gib,
        host_cores=request.host_cores,
    )
    notes = shaped.notes
    if request.accelerator and device is None:
        notes += (f"the accelerator {request.accelerator} is not known: sized by its memory, without speed",)
    return SizeAnswer(request.model, shaped.origin, question, size(question), smallest(question), notes)


def _device(request: SizeRequest) -> Accelerator | None:
    if request.accelerator is None:
        if request.memory_gib is None:
            raise UsageError("neither --accelerator nor --memory-gib is given", "name a device: --accelerator l4")
        return None
    found = accelerator(request.accelerator)
    if found is None and request.memory_gib is None:
        near = " or ".join(similar_accelerators(request.accelerator))
        hint = f"did you mean {near}?" if near else "`llmdeploy catalogue accelerators` lists them"
        raise UsageError(f"--accelerator: {request.accelerator} is not known", hint)
    return found


def _shaped(request: SizeRequest, environment: Environment) -> Shaped:
    if request.config is None:
        return shape_of(request.model, environment)
    path = environment.cwd / request.config
    path = path / "config.json" if path.is_dir() else path
    config = _read(path)
    notes = () if known_family(config) else (_unknown(config),)
    named = quantization_in_name(request.model)
    stored = published_quantization(config)
    if named and "quantization_config" not in config:
        stored = named
    try:
        return Shaped(architecture_of_config(config), stored, str(path), notes)
    except StepError as error:
        raise StepError(f"{path}: {error.message}", error.hint) from error


def _read(path: Path) -> Mapping[str, Any]:
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise UsageError(f"--config: {path} is not a file", "name the model's config.json") from None
    except (OSError, ValueError) as error:
        raise UsageError(f"--config: {path} is not JSON ({error})", "name the model's config.json") from None
    if not isinstance(found, dict):
        raise UsageError(f"--config: {path} holds no object", "name the model's config.json")
    return found


def _unknown(config: Mapping[str, Any]) -> str:
    return f"the family {config.get('model_type', '?')} is not known here: sized as a Llama-shaped decoder"


def quantization_in_name(name: str) -> Quantization | None:
    """What the ending of a repository's name says: `...-AWQ`, `...-FP8`."""
    said = said_by(name).quantization
    return QUANTIZATIONS[said] if said else None


def _quantization(request: SizeRequest, shaped: Shaped) -> Quantization:
    asked = request.quantization
    if asked is None or asked.lower() in AS_PUBLISHED:
        return shaped.published
    found = quantization(asked)
    if found is None:
        raise UsageError(f"--quantization: {asked} is not known", f"known: {', '.join(QUANTIZATIONS)}")
    refined = shaped.published.name in REFINED.get(found.name, ())
    return shaped.published if refined else found


def _kv_bytes(request: SizeRequest, stored: Quantization) -> float:
    found = kv_bytes(request.kv_cache_dtype, stored)
    if found is None:
        hint = "write auto, fp8, bf16, q8_0 or q4_0"
        raise UsageError(f"--kv-cache-dtype: {request.kv_cache_dtype} is not known", hint)
    return found


def _engine(request: SizeRequest, stored: Quantization, device: Accelerator | None) -> ServedBy:
    """llama.cpp for GGUF types and for devices that vLLM does not run on, else vLLM."""
    if request.engine != "auto":
        return "llamacpp" if request.engine == "llamacpp" else "vllm"
    small = device is not None and device.kind == "edge" and device.memory_gib < SMALL_BOX_GIB
    without_vllm = device is not None and (device.vendor in ("apple", "cpu") or small)
    return "llamacpp" if stored.gguf or without_vllm else "vllm"


def _version(request: SizeRequest) -> tuple[int, int, int] | None:
    if request.engine_version is None:
        return None
    try:
        return version_of(request.engine_version)
    except ValueError as error:
        raise UsageError(f"--engine-version: {error}", "write it like 0.19.0") from None
