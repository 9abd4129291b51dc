"""llama.cpp's HTTP server, through the `xllamacpp` wheel."""

from __future__ import annotations

from dataclasses import dataclass
from importlib.util import find_spec
from typing import TYPE_CHECKING

from llmdeploy.engines import MetricNames, Serving, Site

if TYPE_CHECKING:
    from llmdeploy.plan import ModelFormat, Plan


@dataclass(frozen=True)
class LlamaCpp:
    name: str = "llamacpp"
    formats: tuple[ModelFormat, ...] = ("gguf",)
    # llama.cpp has no gauge for the KV cache: /slots tells how many tokens each slot holds.
    metrics: MetricNames = MetricNames(
        running="llamacpp:requests_processing",
        waiting="llamacpp:requests_deferred",
        generated_tokens="llamacpp:tokens_predicted_total",
        prompt_tokens="llamacpp:prompt_tokens_total",
        slots_path="/slots",
    )

    def missing(self) -> str:
        return "" if find_spec("xllamacpp") else "the package xllamacpp is not installed"

    def refuses(self, plan: Plan) -> str:
        if plan.model.format not in self.formats:
            return f"llama.cpp reads GGUF files, and {plan.model.id} is {plan.model.format}"
        return ""

    def serve(self, plan: Plan, site: Site) -> Serving:
        """The arguments after the module are llama-server's own, so the same list suits its binary and image."""
        from llmdeploy.plan import CONTEXT_CHECKPOINTS

        return Serving(
            argv=(
                site.python, "-I", "-m", "llmdeploy.engines.llamacpp",
                "--model", site.model_path,
                "--alias", plan.served_name,
                "--host", plan.host,
                "--port", str(plan.port),
                "--ctx-size", str(plan.context * plan.slots),
                "--parallel", str(plan.slots),
                "--threads", str(plan.threads),
                "--ctx-checkpoints", str(CONTEXT_CHECKPOINTS),
                "--api-key-file", site.key_file,
            ),
            port=plan.port,
        )  # fmt: skip


ENGINE = LlamaCpp()
