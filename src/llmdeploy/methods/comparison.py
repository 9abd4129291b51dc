"""What is compared for a spec, on a machine that has been read."""

from __future__ import annotations

from llmdeploy.methods.bench import Bench
from llmdeploy.methods.hardware import Hardware, processor
from llmdeploy.methods.need import need_of
from llmdeploy.methods.pick_model import pick_model
from llmdeploy.sizing.catalogue.accelerators import Accelerator, accelerator
from llmdeploy.sizing.catalogue.models import find_model, models
from llmdeploy.sizing.machine import Machine
from llmdeploy.spec import Spec

GIB = 2**30
WATTS_PER_CORE = 6.0
ANY_MODEL = "auto"


def bench_for(spec: Spec, machine: Machine) -> Bench | None:
    """What is compared; null for a model of which only a file is known. Raises SpecError where no model will do."""
    known = models()
    named = find_model("demo" if spec.model.id == ANY_MODEL else spec.model.id, known)
    if named is None:
        return None
    bench = Bench(need_of(spec), named.model, known, here=this_machine(machine))
    return bench.about(pick_model(bench)) if spec.model.id == ANY_MODEL else bench


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
