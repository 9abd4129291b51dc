"""Figures that the report rests on and nobody measured here, each with where it comes from."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from llmdeploy.methods import hybrid, offer, price
from llmdeploy.methods.bench import CLOUDS
from llmdeploy.requirement_report.report import Assumption
from llmdeploy.sizing import load, processor
from llmdeploy.sizing.quantization import Quantization
from llmdeploy.sizing.size_answer import FACTORS, SHARES

LIST_PRICES: Final = "the providers' own pages, October 2026"
OURS: Final = "assumption"
FITTED: Final = "fitted to published throughputs"
NAMES: Final = {
    "parameters": "parameters", "weights_gib_per_gpu": "weights per device", "non_torch_gib": "context and libraries",
    "activation_gib": "activations", "kv_bytes_per_token": "bytes of a cached token",
    "kv_cache_tokens": "tokens in the cache", "max_concurrency": "requests of the longest context at once",
    "ttft_ms": "TTFT", "itl_ms": "ITL", "output_tokens_per_second": "tokens/s",
}  # fmt: skip


def ranges() -> tuple[Assumption, ...]:
    """Where nine of ten published cases lie, around each kind of figure."""
    shares = [(name, f"± {100 * share:.3g} %" if share else "exact") for name, share in SHARES.items()]
    factors = [(name, f"÷ {factor:g} to x {factor:g}") for name, factor in FACTORS.items()]
    return tuple(Assumption(NAMES[name], said, "docs/concepts/measured.md") for name, said in (*shares, *factors))


def assumptions(quantization: Quantization | None) -> tuple[Assumption, ...]:
    """Those of clouds, of own hardware, of speed; and the loss of the chosen quantization where it has one."""
    lost: tuple[Assumption, ...] = ()
    if quantization and quantization.loss:
        source = "tables of llama.cpp's tools/quantize" if quantization.gguf else "arXiv 2411.02355, Llama 3.1"
        lost = (Assumption(f"{quantization.name} loses", f"{quantization.loss:g} points", source),)
    return (*_rented(), *_owned(), *_speed(), *lost)


def _each(figures: Mapping[str, float]) -> str:
    """`0.08 AWS, 0.12 Azure, 0.1 GCP`."""
    return ", ".join(f"{figure:g} {CLOUDS[cloud]}" for cloud, figure in figures.items())


def _rented() -> list[Assumption]:
    return [
        Assumption("block storage", f"{_each(price.STORAGE_GB_MONTH)} USD a GB and month", LIST_PRICES),
        Assumption("traffic out", f"{_each(price.EGRESS_GB)} USD a GB", LIST_PRICES),
        Assumption("managed Kubernetes", f"{price.CONTROL_PLANE_HOUR:g} USD an hour", LIST_PRICES),
        Assumption("load balancer", f"{price.BALANCER_MONTH:g} USD a month", LIST_PRICES),
        Assumption("a token out", f"{price.BYTES_PER_TOKEN_OUT} bytes", "one event of an OpenAI stream with its HTTP"),
        Assumption("a token in", f"{price.BYTES_PER_TOKEN_IN} bytes", OURS),
        Assumption(
            "disk of a machine", f"{price.DISK_BASE_GB} GB and {price.DISK_SHARE:g} x the weights",
            f"{OURS}: system, image, and room for the next revision",
        ),
    ]  # fmt: skip


def _owned() -> list[Assumption]:
    hosts = ", ".join(f"{kind} {cost:,.0f}" for kind, cost in price.HOST_PRICE.items() if cost)
    hours = price.STAFF_HOURS_BASE
    return [
        Assumption("a host without devices", f"{hosts} USD", OURS),
        Assumption("a host draws", f"{price.HOST_WATTS:g} W beside its devices", OURS),
        Assumption("PUE of a small room", f"{price.PUE:g}", "Uptime Institute 2024: 1.56 on average"),
        Assumption("rack space", f"{price.RACK_KW_MONTH:g} USD a kW and month", OURS),
        Assumption("spare parts", f"{price.SPARES:.0%} of the purchase a year", OURS),
        Assumption(
            "staff", f"{hours['bought']:g} hours a month ({hours['edge']:g} at the edge), {price.STAFF_HOURS_HOST:g} "
            "more for each further machine", OURS,
        ),
        Assumption("power", f"{price.LOAD_SHARE:.0%} of full in busy hours, {price.IDLE_SHARE:.0%} in others", OURS),
        Assumption(
            "a hybrid's own machines", f"carry {hybrid.BASE_SHARE:.0%} of the load; the rest is there in "
            f"{hybrid.PEAK_HOURS:.0%} of the busy hours", OURS,
        ),
    ]  # fmt: skip


def _speed() -> list[Assumption]:
    thread = f"{processor.THREAD_TFLOPS:g} TFLOPS, {processor.THREAD_ALONE:g} GB/s alone"
    return [
        Assumption("a thread of a processor", thread, FITTED),
        Assumption("a prefill holds up others", f"for {load.OVERLAP:.0%} of its time", FITTED),
        Assumption("context", f"{offer.CONTEXT_ROOM:g} x a request's tokens", f"{OURS}: template, longer questions"),
    ]
