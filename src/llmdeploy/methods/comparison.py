"""What is compared for a spec, on a machine that has been read."""

from __future__ import annotations

from dataclasses import replace

from llmdeploy.methods.bench import Bench
from llmdeploy.methods.hardware import Hardware
from llmdeploy.methods.need import need_of
from llmdeploy.methods.pick_model import pick_model
from llmdeploy.sizing.catalogue.accelerators import Accelerator, accelerator
from llmdeploy.sizing.catalogue.models import BUNDLED, Model, find_model, models
from llmdeploy.sizing.machine import Machine
from llmdeploy.sizing.processor import processor
from llmdeploy.spec import Spec
from llmdeploy.spec.rules import PATH_STARTS

GIB = 2**30
WATTS_PER_CORE = 6.0
ANY_MODEL = "auto"


def bench_for(spec: Spec, machine: Machine, unlisted: Model | None = None) -> Bench | None:
    """What is compared; null for a model that is neither in the catalogue nor `unlisted` (read from its own files).

    Raises SpecError where `model: auto` finds none that will do.
    """
    known = models()
    named = None if unlisted or spec.model.id.startswith(PATH_STARTS) else find_model(_name(spec), known)
    model = named.model if named else unlisted
    if model is None:
        return None
    need = need_of(spec)
    if named and named.quantization and need.quantization == "auto":
        need = replace(need, quantization=named.quantization.name)  # `...-AWQ` is that, and nothing else
    bench = Bench(need, model, known, here=this_machine(machine))
    return bench.about(pick_model(bench, spec.target)) if spec.model.id == ANY_MODEL else bench


def _name(spec: Spec) -> str:
    return BUNDLED if spec.model.id == ANY_MODEL else spec.model.id


def this_machine(machine: Machine) -> Hardware:
    """Its best GPU, else its processor; what is free of it counts."""
    watts = machine.cores * WATTS_PER_CORE
    known = [(gpu, accelerator(gpu.name)) for gpu in machine.gpus]
    usable: list[tuple[int, Accelerator]] = [(gpu.memory_free, device) for gpu, device in known if device]
    if usable:
        free, device = max(usable, key=lambda one: one[0])
        power = watts + (device.power_w or 0.0)
        return Hardware(device.title, "local", device, 1, free / GIB, watts=power, limit=1)
    free_gib = machine.memory_available / GIB
    device = processor(machine.cores, free_gib, "its processor")
    return Hardware("this machine", "local", device, 1, free_gib, watts=watts, limit=1)
