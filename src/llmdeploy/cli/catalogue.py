from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from typing import Any

import click

from llmdeploy.cli.options import json_option
from llmdeploy.cli.session import print_json
from llmdeploy.cli.show import say
from llmdeploy.environment import Environment
from llmdeploy.sizing.catalogue.accelerators import Accelerator, accelerators
from llmdeploy.sizing.catalogue.instances import Instance, instances
from llmdeploy.sizing.catalogue.models import Model, models
from llmdeploy.units import parameters_text, size_text


@click.command("catalogue")
@click.argument("kind", type=click.Choice(["models", "accelerators", "instances"]), default="models")
@click.argument("words", nargs=-1)
@json_option
@click.pass_obj
def command(environment: Environment, kind: str, words: tuple[str, ...], as_json: bool) -> None:
    """List models, accelerators or rented machines, or those that match all WORDS.

    Every figure has its source and date in `--json`.
    """
    rows, line = KINDS[kind]
    found = [row for row in rows() if all(word.lower() in _searched(row) for word in words)]
    if as_json:
        print_json(environment, [asdict(row) for row in found])
        return
    for row in found:
        say(environment, line(row))


def _searched(row: Any) -> str:
    texts = (value for value in asdict(row).values() if isinstance(value, str | tuple))
    return " ".join(text if isinstance(text, str) else " ".join(map(str, text)) for text in texts).lower()


def _model(row: Model) -> str:
    file = next(iter(row.files), None)
    gguf = f"{file.quantization} {size_text(file.size_bytes)}" if file else ""
    where = row.repository or "comes with llmdeploy"
    gate = " (gated)" if row.gated else ""
    parameters = parameters_text(row.architecture.parameters)
    return f"{row.name:26}{parameters:>9}  {gguf:16}{row.license:22} {where}{gate}"


def _accelerator(row: Accelerator) -> str:
    tflops = row.peak_tflops("bf16")
    watts = f"{row.power_w:g} W" if row.power_w else ""
    price = f"{row.list_price_usd:,.0f} USD" if row.list_price_usd else ""
    return (
        f"{row.name:24}{row.memory_gib:7.1f} GiB{row.bandwidth_gb_s:8,.0f} GB/s{tflops:8,.0f} TFLOPS "
        f"{watts:>7} {price:>11}  {row.title}"
    )


def _instance(row: Instance) -> str:
    price = f"{row.on_demand_usd_hour:.2f} USD/h" if row.on_demand_usd_hour is not None else "no price known"
    return (
        f"{row.cloud:6}{row.name:32}{row.hardware:24}{row.vcpus:5} vCPU{row.memory_gib:8,.0f} GiB "
        f"{price:>15}  {row.region}"
    )


KINDS: dict[str, tuple[Callable[[], tuple[Any, ...]], Callable[[Any], str]]] = {
    "models": (models, _model),
    "accelerators": (accelerators, _accelerator),
    "instances": (instances, _instance),
}
