"""Published measurements as questions to llmdeploy: rows of tests/sizing/published/ through what `llmdeploy size` runs.

A row counts unless it says why not, in a field `excluded`.
"""

from __future__ import annotations

import io
import json
import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from llmdeploy.environment import Environment
from llmdeploy.errors import LlmdeployError
from llmdeploy.sizing.catalogue.models import find_model, models
from llmdeploy.sizing.layout import Layout
from llmdeploy.sizing.question import Question, Sized
from llmdeploy.sizing.size import size
from llmdeploy.sizing.vllm.versions import version_of
from llmdeploy.steps.size import SizeRequest, size_model

FOLDER = Path(__file__).parent / "published"
MODELS = models()
HERE = Environment(io.StringIO(), io.StringIO(), io.StringIO(), FOLDER, {})
ALL_AT_ONCE = 100_000  # requests of an offline benchmark, all queued at the beginning
SHARES = {"tensorrt-llm": 0.95}  # of a GPU's memory, as its published benchmarks are run; others as llmdeploy's own
NEXT_DEFAULT = (0, 20, 0)  # vLLM's own share of a GPU's memory is 0.90 before and 0.92 from this version on

Row = dict[str, Any]


def all_rows(name: str) -> list[Row]:
    found: list[Row] = json.loads((FOLDER / f"{name}.json").read_text("utf-8"))
    return found


def rows(name: str) -> list[Row]:
    """Those that count."""
    return [row for row in all_rows(name) if not row.get("excluded")]


def version_known(row: Row) -> bool:
    """A release of vLLM itself, not a fork or a guess."""
    return bool(re.fullmatch(r"v?\d+\.\d+[\w.+]*", row["version"] or ""))


def _share(row: Row) -> float:
    if row["gpu_memory_utilization"]:
        return float(row["gpu_memory_utilization"])
    return 0.92 if version_known(row) and version_of(row["version"]) >= NEXT_DEFAULT else 0.9


def _request(row: Row, **more: Any) -> SizeRequest:
    """The options that a user would give for this row."""
    return SizeRequest(
        model=row["model"],
        accelerator=row["accelerator"] or None,
        count=row["count"] or 1,
        memory_gib=row.get("memory_gib"),
        quantization=row["quantization"],
        kv_cache_dtype=row.get("kv_cache_dtype") or "auto",
        **more,
    )


def _layout(row: Row) -> Layout:
    tensor = row["tensor_parallel"] or row["count"] or 1
    return Layout(tensor, row.get("pipeline_parallel") or 1)


def _question(request: SizeRequest) -> Question | None:
    """None where llmdeploy has no answer of its own: a model, device or spelling that it does not know."""
    if find_model(request.model, MODELS) is None:
        return None
    try:
        return size_model(request, HERE).question
    except LlmdeployError:
        return None


def engine_log(row: Row) -> Sized | None:
    """What llmdeploy says of an engine that somebody started, at the longest request that it was started with."""
    quantization = row["quantization"] or ("float32" if row["dtype"] == "float32" else None)
    request = _request(
        {**row, "quantization": quantization},
        utilization=_share(row),
        engine="vllm",
        engine_version=row["version"] if version_known(row) else None,
        max_model_len=row["max_model_len"],
        max_num_seqs=row["max_num_seqs"],
        max_num_batched_tokens=row["max_num_batched_tokens"],
        enforce_eager=bool(row["enforce_eager"]),
    )
    question = _question(request)
    return size(question, _layout(row)) if question else None


def preset(row: Row) -> Sized | None:
    """What llmdeploy says of a configuration that somebody published as one that runs, or that failed."""
    request = _request(
        row,
        utilization=row["gpu_memory_utilization"] or 0.9,
        max_model_len=row["max_model_len"],
        max_num_seqs=row.get("max_num_seqs"),
        engine_version=row.get("version"),
    )
    question = _question(request)
    if question is None:
        return None
    tensor = row["tensor_parallel"]
    fixed = question.engine == "vllm" and tensor and (row["count"] or 1) >= tensor
    stages = row.get("pipeline_parallel") or max(1, (row["count"] or 1) // (tensor or 1))
    return size(question, Layout(tensor, stages) if fixed else None)


def throughput(row: Row) -> tuple[float, float] | None:
    """(tokens a second of all replicas, ms between tokens); None where llmdeploy says nothing."""
    by_llamacpp = row["engine"] in ("llama.cpp", "ollama")
    layout = Layout(1, row["count"] or 1) if by_llamacpp else _layout(row)
    replicas = max(1, (row["count"] or 1) // layout.devices)
    prompt, output = row["prompt_tokens"] or 512, row["output_tokens"] or 128
    request = _request(
        row,
        utilization=SHARES.get(row["engine"], 0.9),
        engine="llamacpp" if by_llamacpp else "vllm",
        concurrency=max(1, (row["concurrency"] or ALL_AT_ONCE) // replicas),
        prompt_tokens=prompt,
        output_tokens=output,
        max_model_len=prompt + output,
        max_num_seqs=row["max_batch"],
    )
    question = _question(request)
    if question is None:
        return None
    if row["request_rate"] and not row["concurrency"]:
        question = _arriving(question, layout, row["request_rate"] / replicas)
    served = size(question, layout).served
    return (served.tokens_per_second * replicas, served.itl * 1000) if served else None


def _arriving(question: Question, layout: Layout, rate: float) -> Question:
    """The question with as many requests in progress as a rate of arrivals keeps there; all where it is too high."""
    low, high = 1.0, question.load.concurrency
    for _ in range(30):
        middle = (low * high) ** 0.5
        served = size(replace(question, load=replace(question.load, concurrency=middle)), layout).served
        if served and served.requests_per_second < rate:
            low = middle
        else:
            high = middle
    return replace(question, load=replace(question.load, concurrency=high))


def percentile(values: Sequence[float], share: float) -> float:
    """The value that this share of all lies at or below."""
    return sorted(values)[min(len(values) - 1, int(len(values) * share))]
