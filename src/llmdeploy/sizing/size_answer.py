"""The answer of `llmdeploy size`: figures with their ranges, as JSON and on one screen."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from llmdeploy.sizing.question import GIB, Question, Sized
from llmdeploy.units import parameters_text, size_text

# Half of the range that holds nine of ten published cases, as a share of the figure (docs/concepts/measured.md).
# Speeds are factors: low = figure / factor, high = figure x factor.
SHARES: Final = {
    "parameters": 0.005, "weights_gib_per_gpu": 0.03, "non_torch_gib": 0.6, "activation_gib": 0.4,
    "kv_bytes_per_token": 0.0, "kv_cache_tokens": 0.12, "max_concurrency": 0.12,
}  # fmt: skip
FACTORS: Final = {"ttft_ms": 2.5, "itl_ms": 2.0, "output_tokens_per_second": 2.0}


@dataclass(frozen=True)
class SizeAnswer:
    """`best` is the answer for the fewest devices of this kind, null where none are enough."""

    model: str
    origin: str
    question: Question
    sized: Sized
    best: Sized | None
    notes: tuple[str, ...]

    def figures(self) -> dict[str, Any]:
        """Figures by name; those of speed are null where the device is not known or the model does not fit."""
        sized, shape, served = self.sized, self.question.architecture, self.sized.served
        return {
            "parameters": shape.parameters,
            "active_parameters": shape.active_parameters,
            "weights_gib_per_gpu": _gib(sized.weights),
            "non_torch_gib": _gib(sized.non_torch),
            "activation_gib": _gib(sized.activation),
            "graphs_gib": _gib(sized.graphs),
            "kv_cache_gib": _gib(sized.cache),
            "kv_bytes_per_token": _whole(sized.kv_bytes_per_token),
            "kv_cache_tokens": sized.kv_cache_tokens,
            "max_model_len": sized.context,
            "max_concurrency": round(sized.max_concurrency, 2),
            "fits": sized.fits,
            "missing_gib": _gib(sized.missing),
            "tensor_parallel": sized.layout.tensor,
            "pipeline_parallel": sized.layout.pipeline,
            "host_layers": sized.host_layers,
            "batch": round(served.batch, 1) if served else None,
            "ttft_ms": _ms(served.ttft) if served else None,
            "itl_ms": _ms(served.itl) if served else None,
            "output_tokens_per_second": round(served.tokens_per_second, 1) if served else None,
        }

    def as_json(self) -> dict[str, Any]:
        question, figures = self.question, self.figures()
        return {
            "model": self.model,
            "known_from": self.origin,
            "family": question.architecture.family,
            "quantization": question.quantization.name,
            "engine": question.engine,
            "accelerator": question.accelerator.name if question.accelerator else None,
            "count": question.count,
            "memory_gib": round(question.memory_gib, 2),
            **figures,
            "uncertainty": _ranges(figures),
            "smallest": self._smallest(),
            "flags": list(self.sized.flags),
            "notes": list(self.notes),
        }

    def _smallest(self) -> dict[str, Any] | None:
        if self.best is None:
            return None
        layout = self.best.layout
        return {
            "count": layout.devices,
            "tensor_parallel": layout.tensor,
            "pipeline_parallel": layout.pipeline,
            "kv_cache_tokens": self.best.kv_cache_tokens,
        }

    def text(self) -> str:
        """One screen."""
        question, sized = self.question, self.sized
        device = question.accelerator.title if question.accelerator else "device"
        lines = [
            f"{self.model}: {parameters_text(question.architecture.parameters)} parameters in "
            f"{question.quantization.name}, {question.engine}, {question.count} x {device} "
            f"({question.memory_gib:.1f} GiB seen by a process)",
            "",
            *(f"  {size / GIB:9.2f} GiB  {what}" for what, size in self._parts()),
            f"  {sized.usable / GIB:9.2f} GiB  may be used of each device",
            "",
            *self._verdict(),
            *self._speed(),
        ]
        return "\n".join([*lines, *(f"note      {note}" for note in self.notes)])

    def _parts(self) -> list[tuple[str, float]]:
        sized = self.sized
        parts = [
            ("weights", sized.weights),
            ("runtime" if self.question.engine == "llamacpp" else "CUDA context and libraries", sized.non_torch),
            ("activations at their peak", sized.activation),
            ("CUDA graphs", sized.graphs),
            ("left for the KV cache", sized.cache),
        ]
        return [(what, size) for what, size in parts if size]

    def _verdict(self) -> list[str]:
        sized, layout = self.sized, self.sized.layout
        cut = f"tensor parallel {layout.tensor}, pipeline parallel {layout.pipeline}"
        if sized.fits:
            per_token = size_text(sized.kv_bytes_per_token)
            return [
                f"fits      {cut}",
                f"cache     {sized.kv_cache_tokens:,} tokens of {per_token}: {sized.max_concurrency:.1f} requests of "
                f"{sized.context:,} tokens at once",
                *([f"only with {' '.join(sized.flags)}"] if sized.flags else []),
            ]
        lines = [f"does not fit: {size_text(sized.missing)} more are needed on each device ({cut})"]
        if self.best and self.best.layout.devices > layout.devices:
            lines.append(f"fits on   {self.best.layout.devices} of them")
        return lines

    def _speed(self) -> list[str]:
        served, load = self.sized.served, self.question.load
        if served is None:
            return []
        ranges = _ranges(self.figures())
        said = f"at {load.concurrency:g} requests at once of {load.prompt} + {load.output} tokens"
        return [
            f"speed     {said}:",
            *(
                f"          {name} {_shown(figure)} {unit} "
                f"({_shown(ranges[key]['low'])} to {_shown(ranges[key]['high'])})"
                for key, name, figure, unit in (
                    ("ttft_ms", "TTFT", served.ttft * 1000, "ms"),
                    ("itl_ms", "ITL ", served.itl * 1000, "ms"),
                    ("output_tokens_per_second", "    ", served.tokens_per_second, "tokens/s"),
                )
            ),
        ]


def _ranges(figures: dict[str, Any]) -> dict[str, dict[str, float]]:
    """Where nine of ten cases lie."""
    found = {}
    for name, share in SHARES.items():
        found[name] = {"low": _rounded(figures[name] * (1 - share)), "high": _rounded(figures[name] * (1 + share))}
    for name, factor in FACTORS.items():
        if figures[name] is not None:
            found[name] = {"low": _rounded(figures[name] / factor), "high": _rounded(figures[name] * factor)}
    return found


def _shown(figure: float) -> str:
    """Three digits at the least, never a power of ten."""
    return f"{figure:,.0f}" if figure >= 100 else f"{figure:.3g}"


def _gib(size: float) -> float:
    return round(size / GIB, 3)


def _ms(seconds: float) -> float:
    return round(seconds * 1000, 3)


def _whole(figure: float) -> float:
    return int(figure) if float(figure).is_integer() else round(figure, 2)


def _rounded(figure: float) -> float:
    return round(figure) if figure >= 1000 else float(f"{figure:.4g}")
