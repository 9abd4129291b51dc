from __future__ import annotations

from pathlib import Path

import click

from llmdeploy.cli.options import json_option
from llmdeploy.cli.session import print_json
from llmdeploy.cli.show import say
from llmdeploy.environment import Environment


@click.command("size")
@click.option("--model", required=True, help="Catalogue name, Hugging Face id, or a path to a GGUF file or a folder.")
@click.option("--config", type=click.Path(path_type=Path), help="The model's config.json, where it is not known.")
@click.option("--accelerator", help="Any usual spelling: h100, A10G, nvidia-l4; or give --memory-gib.")
@click.option("--count", type=click.IntRange(1, 1024), default=1, show_default=True, help="Devices together.")
@click.option("--memory-gib", type=click.FloatRange(0, min_open=True), help="Memory of a device, as its driver says.")
@click.option("--max-model-len", type=click.IntRange(1), help="Longest request in tokens; default: the model's.")
@click.option(
    "--gpu-memory-utilization", "utilization", type=click.FloatRange(0, 1, min_open=True), default=0.9,
    show_default=True, help="Share of a device's memory that vLLM takes.",
)  # fmt: skip
@click.option("--quantization", help="How the weights are stored; default: as published.")
@click.option("--kv-cache-dtype", default="auto", show_default=True, help="auto, fp8, q8_0, q4_0, ...")
@click.option("--concurrency", type=click.IntRange(1), default=1, show_default=True, help="Requests at once.")
@click.option("--prompt-tokens", type=click.IntRange(1), default=512, show_default=True, help="Tokens of a prompt.")
@click.option("--output-tokens", type=click.IntRange(1), default=128, show_default=True, help="Tokens of an answer.")
@click.option(
    "--engine", type=click.Choice(["auto", "vllm", "llamacpp"]), default="auto", show_default=True,
    help="What serves it; auto: llamacpp for GGUF types and where vLLM does not run.",
)  # fmt: skip
@click.option("--engine-version", help="Version of vLLM; default: the one that llmdeploy starts.")
@click.option("--max-num-seqs", type=click.IntRange(1), help="vLLM's own; default: by device.")
@click.option("--max-num-batched-tokens", type=click.IntRange(1), help="vLLM's own; default: by device.")
@click.option(
    "--host-memory-gib", type=click.FloatRange(0), default=0.0,
    help="Memory of the host that llama.cpp may take for layers that the device has no room for.",
)  # fmt: skip
@click.option("--host-cores", type=click.IntRange(1), default=8, show_default=True, help="Cores that compute them.")
@click.option("--enforce-eager", is_flag=True, help="Without CUDA graphs.")
@json_option
@click.pass_obj
def command(environment: Environment, /, as_json: bool, **asked: object) -> None:
    """Say how a model fits on a device: memory part by part, cache, speed.

    Exit code 0 also where it does not fit: `fits` says so.
    """
    from llmdeploy.steps.size import SizeRequest, size_model

    found = size_model(SizeRequest(**asked), environment)  # type: ignore[arg-type]
    if as_json:
        print_json(environment, found.as_json())
    else:
        say(environment, found.text())
