"""What a spec and a machine make of a comparison: which model is meant, and what this machine has."""

from __future__ import annotations

from dataclasses import replace

import pytest

from llmdeploy.errors import SpecError
from llmdeploy.methods.bench import Bench
from llmdeploy.methods.comparison import bench_for, this_machine
from llmdeploy.methods.decide import Decision, decide
from llmdeploy.methods.plan_of import plan_of
from llmdeploy.sizing.catalogue.models import unlisted
from llmdeploy.sizing.machine import Gpu, Machine
from llmdeploy.spec import Spec, parse_spec
from tests.methods.benches import model

GIB = 2**30
SERVER = Machine(
    cores=32.0,
    physical_cores=16,
    instruction_sets=("avx2", "fma", "f16c"),
    memory_total=128 * GIB,
    memory_available=100 * GIB,
    disk_free=500 * GIB,
    os="Debian GNU/Linux 12 (bookworm)",
    architecture="x86_64",
)


def spec(name: str, text: str = "") -> Spec:
    return parse_spec(text, "test", {"model.id": name})


def bench(name: str, text: str = "") -> Bench:
    found = bench_for(spec(name, text), SERVER)
    assert found
    return found


def warnings_of(decision: Decision) -> tuple[str, ...]:
    return plan_of(decision, spec("./weights")).warnings


class TestWhichModel:
    @pytest.mark.parametrize(
        "spelling", ["qwen3-8b", "Qwen3-8B", "Qwen/Qwen3-8B", "qwen/qwen3-8b", "somebody/Qwen3-8B"]
    )
    def test_usual_spellings_are_found(self, spelling: str) -> None:
        assert bench(spelling).model.name == "qwen3-8b"

    @pytest.mark.parametrize("name", ["nobody/knows-this", "no-such-model", "weights.gguf"])
    def test_an_unknown_one_is_not_compared(self, name: str) -> None:
        assert bench_for(spec(name), SERVER) is None

    @pytest.mark.parametrize("name", ["./qwen3-8b", "/models/qwen3-8b", "~/qwen3-8b", "../Qwen3-8B"])
    def test_a_path_is_not_taken_for_a_model_that_it_is_called_after(self, name: str) -> None:
        assert bench_for(spec(name), SERVER) is None

    def test_what_was_read_from_its_own_files_comes_before_what_its_name_looks_like(self) -> None:
        """`mine/qwen3-8b` may be a folder with anything in it."""
        shape = model("qwen3-0.6b")
        mine = unlisted("mine/qwen3-8b", shape.architecture, shape.published, "mine/qwen3-8b/config.json")
        found = bench_for(spec("mine/qwen3-8b"), SERVER, mine)
        assert found
        assert found.model.name == "mine/qwen3-8b"
        assert found.model.architecture.parameters == shape.architecture.parameters

    def test_a_model_without_a_licence_and_scores_is_compared_all_the_same(self) -> None:
        shape = model("qwen3-0.6b")
        mine = unlisted("./weights", shape.architecture, shape.published, "weights/config.json")
        found = bench_for(spec("./weights"), SERVER, mine)
        assert found
        decision = decide(found, "aws")
        assert decision.chosen.quality is None
        assert decision.chosen.parts["quality"] == 0.5
        assert warnings_of(decision) == ("licence unknown: no licence is known",)

    def test_what_the_name_says_of_the_quantization_is_what_is_compared(self) -> None:
        found = bench("Qwen/Qwen3-32B-AWQ")
        assert found.model.name == "qwen3-32b"
        assert {one.quantization.name for one in found.variants} == {"awq"}

    def test_unless_the_spec_says_otherwise(self) -> None:
        found = bench("Qwen/Qwen3-32B-AWQ", "model: {quantization: bf16}")
        assert {one.quantization.name for one in found.variants} == {"bf16"}

    def test_a_name_that_says_nothing_leaves_it_open(self) -> None:
        assert len(bench("qwen3-8b").variants) > 3

    def test_auto_is_decided(self) -> None:
        found = bench("auto", "workload: {concurrency: 2}")
        assert found.model.name not in ("auto", "demo")
        assert found.need.concurrency == 2

    def test_auto_on_a_pinned_place_is_decided_for_that_place(self) -> None:
        here = bench("auto", "{target: local, workload: {concurrency: 1}}")
        assert here.cheapest([here.here] if here.here else []).best
        with pytest.raises(SpecError, match="on local"):
            bench_for(spec("auto", "{target: local, workload: {concurrency: 500}}"), SERVER)


class TestThisMachine:
    def test_without_a_gpu_its_processor_and_what_is_free_count(self) -> None:
        found = this_machine(SERVER)
        assert found.processor
        assert (found.place, found.count, found.limit) == ("local", 1, 1)
        assert found.memory_gib == pytest.approx(100)
        assert found.hour is None
        assert found.price is None
        assert found.title == "this machine"

    def test_a_known_gpu_is_taken_by_its_driver_s_name_with_what_is_free(self) -> None:
        gpu = Gpu("NVIDIA GeForce RTX 4090", 24 * GIB, 20 * GIB, "580")
        found = this_machine(replace(SERVER, gpus=(gpu,)))
        assert found.accelerator.name == "rtx-4090"
        assert found.memory_gib == pytest.approx(20)
        assert found.count == 1
        assert found.watts > this_machine(SERVER).watts

    def test_of_several_the_one_with_most_free_memory(self) -> None:
        gpus = (Gpu("NVIDIA L4", 24 * GIB, 3 * GIB, "580"), Gpu("Tesla T4", 16 * GIB, 15 * GIB, "580"))
        assert this_machine(replace(SERVER, gpus=gpus)).accelerator.name == "t4"

    def test_an_unknown_gpu_leaves_the_processor(self) -> None:
        gpu = Gpu("Voodoo 2", 12 * GIB, 12 * GIB, "1")
        assert this_machine(replace(SERVER, gpus=(gpu,))).processor

    def test_more_cores_are_quicker(self) -> None:
        few, many = (this_machine(replace(SERVER, cores=cores)).accelerator for cores in (4.0, 64.0))
        assert many.peak_tflops("fp16") > few.peak_tflops("fp16")
        assert many.bandwidth_gb_s > few.bandwidth_gb_s
