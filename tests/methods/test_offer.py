"""Offers: what runs on what, that it fits, and that enough machines stand there for requests that come at random."""

from __future__ import annotations

import itertools
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from llmdeploy.methods.edge import boxes
from llmdeploy.methods.hardware import Hardware
from llmdeploy.methods.offer import MOST_MACHINES, Offer, Offers
from llmdeploy.methods.onprem import machines_to_buy
from llmdeploy.methods.price import price_of
from llmdeploy.methods.search import cheapest
from llmdeploy.methods.variant import variants
from llmdeploy.sizing.layout import divides
from llmdeploy.sizing.processor import processor
from llmdeploy.sizing.question import GIB
from tests.methods.benches import (
    SERVER,
    bench,
    device,
    few_instances,
    known_accelerators,
    machine,
    machines_for_rent,
    made,
    model,
    need,
    offer,
    variant,
)  # fmt: skip

GGUF = ("q8_0", "q4_k_m", "f16", "q2_k")
FOR_GPUS = ("bf16", "fp16", "fp8", "awq", "gptq", "int8")


class TestKernels:
    @pytest.mark.parametrize("name", ["a100-80gb", "a10g", "rtx-3090"])
    def test_fp8_not_on_ampere(self, name: str) -> None:
        assert not variant("qwen3-8b", "fp8").runs_on(device(name))
        assert variant("qwen3-8b", "awq").runs_on(device(name))

    @pytest.mark.parametrize("name", ["l4", "l40s", "h100-sxm", "rtx-4090"])
    @pytest.mark.parametrize("quantization", FOR_GPUS)
    def test_everything_on_ada_and_hopper(self, name: str, quantization: str) -> None:
        assert variant("qwen3-8b", quantization).runs_on(device(name))

    @pytest.mark.parametrize(
        "quantization", ["fp8", "fbgemm-fp8", "awq", "gptq", "gptq-int8", "int8", "nvfp4", "mxfp4"]
    )
    def test_of_the_quantized_none_on_v100(self, quantization: str) -> None:
        assert not variant("qwen3-8b", quantization).runs_on(device("v100-16gb"))

    @pytest.mark.parametrize("quantization", ["bf16", "fp16"])
    def test_whole_weights_on_v100(self, quantization: str) -> None:
        assert variant("qwen3-8b", quantization).runs_on(device("v100-16gb"))

    @pytest.mark.parametrize("quantization", GGUF)
    def test_gguf_on_processors_apple_chips_and_small_boxes_alone(self, quantization: str) -> None:
        for one in (*known_accelerators(), processor(16, 64)):
            expected = one.vendor in ("cpu", "apple") or one.kind == "edge"
            assert variant("qwen3-8b", quantization).runs_on(one) == expected, one.name

    @pytest.mark.parametrize("quantization", FOR_GPUS)
    def test_formats_of_gpus_not_on_processors_nor_on_chips_without_an_engine(self, quantization: str) -> None:
        for one in (*known_accelerators(), processor(16, 64)):
            if one.vendor not in ("nvidia", "amd"):
                assert not variant("qwen3-8b", quantization).runs_on(one), one.name

    def test_a_refusal_names_both(self) -> None:
        assert "fp8 does not run on a10g" in str(made("qwen3-8b", "fp8", machine("a10g")))

    def test_an_engine_that_the_spec_names_is_the_only_one(self) -> None:
        for engine in ("vllm", "llamacpp"):
            found = variants(model("qwen3-8b"), need(engine=engine))
            assert found
            assert {one.engine for one in found} == {engine}

    def test_a_quantization_that_the_spec_names_is_the_only_one(self) -> None:
        assert [one.quantization.name for one in variants(model("qwen3-8b"), need(quantization="gptq"))] == ["gptq"]

    def test_weights_as_published_are_marked(self) -> None:
        found = {one.quantization.name: one.published for one in variants(model("deepseek-v3"), need())}
        assert found["fp8"]
        assert not found["q8_0"]
        assert "awq" not in found


class TestFit:
    MODELS = ("qwen3-0.6b", "qwen3-8b", "mixtral-8x7b", "gpt-oss-20b", "llama-3.3-70b", "deepseek-v3")

    @pytest.mark.parametrize("name", MODELS)
    def test_no_offer_takes_more_than_a_device_has_and_heads_are_divided(self, name: str) -> None:
        of = bench(name)
        machines = [*machines_for_rent(), *machines_to_buy(of), SERVER]
        alike = {one.key: one for one in machines}.values()
        found = [
            one for v, m in itertools.product(of.variants, alike) if isinstance(one := of.offers.make(v, m), Offer)
        ]
        assert found
        for one in found:
            sized = one.sized
            assert sized.fits
            parts = sized.weights + sized.non_torch + sized.activation + sized.graphs + max(0.0, sized.cache)
            assert parts <= sized.usable * 1.001 <= one.hardware.memory_gib * GIB * 1.001
            assert sized.cache > 0
            asked = one.served.batch * (of.need.prompt + of.need.output / 2) * sized.kv_bytes_per_token
            assert one.served.batch <= 1 or asked / one.layout.devices <= sized.cache * 1.05 or name == "deepseek-v3"
            assert divides(of.model.architecture, one.layout.tensor)
            assert one.copies * one.layout.devices <= one.hardware.count
            assert sized.context >= of.need.tokens

    def test_a_model_with_few_heads_is_not_cut_in_more_parts_than_it_has(self) -> None:
        """14 query heads: by 2, and not by 4 or 8."""
        assert model("qwen2.5-0.5b").architecture.blocks[0].attention.heads == 14
        for count in (4, 8):
            found = offer("qwen2.5-0.5b", "bf16", machine("l4", count))
            assert found.layout.tensor in (1, 2)
            assert found.copies == count // found.layout.tensor

    def test_a_promise_is_not_kept_by_a_cut_that_heads_do_not_allow(self) -> None:
        """28 query heads on eight devices: by 4 at the most, though by 8 it would be quick enough."""
        found = offer("qwen2.5-7b", "bf16", machine("t4", 8), concurrency=2, itl=0.03)
        assert found.layout.tensor == 4
        refusal = made("qwen2.5-7b", "bf16", machine("t4", 8), concurrency=2, itl=0.6 * found.served.itl)
        assert not isinstance(refusal, Offer)
        assert "promised" in refusal.reason

    def test_what_does_not_fit_is_said(self) -> None:
        assert "does not fit" in str(made("llama-3.3-70b", "bf16", machine("l4")))

    def test_a_part_of_a_device_has_a_part_of_its_memory_and_of_its_speed(self) -> None:
        parts = {one.name: one for one in machines_for_rent() if one.name in ("g6f.4xlarge", "g6f.large", "g6.xlarge")}
        whole = parts["g6.xlarge"].accelerator
        for name, share in (("g6f.4xlarge", 2), ("g6f.large", 8)):
            part = parts[name]
            assert part.memory_gib == pytest.approx(whole.visible_gib / share)
            assert part.accelerator.bandwidth_gb_s == pytest.approx(whole.bandwidth_gb_s / share)
            assert part.accelerator.peak_tflops("bf16") == pytest.approx(whole.peak_tflops("bf16") / share)
            assert f"1/{share} l4" in part.title
        slow, quick = (offer("qwen3-0.6b", "bf16", parts[name], concurrency=1) for name in ("g6f.4xlarge", "g6.xlarge"))
        assert slow.served.itl > 1.5 * quick.served.itl


class TestArrivals:
    """A machine with a few places, and more and more people who come when they like."""

    ON = machine("l4")

    def test_more_places_than_requests_in_progress(self) -> None:
        for load in (1, 3, 10, 37, 90):
            found = offer("qwen3-8b", "awq", self.ON, concurrency=load)
            assert found.replicas * int(found.served.batch) > load
            assert 0 < found.headroom < 1

    def test_a_short_wait_needs_more_machines_than_division_says(self) -> None:
        found = offer("llama-3.1-8b", "bf16", self.ON, concurrency=30, ttft=1.2, itl=0.08)
        places = int(found.served.batch) * found.copies
        assert places * 5 == 30
        assert found.machines == 7

    def test_as_many_requests_at_once_as_the_promise_allows_and_not_one_less(self) -> None:
        """Whatever the load: what a machine can do does not depend on how many ask."""
        batches = [
            offer("llama-3.1-8b", "bf16", self.ON, concurrency=load, itl=0.08).served.batch for load in (5, 17, 60)
        ]
        assert len(set(batches)) == 1

    def test_a_patient_promise_needs_no_more_machines_than_an_impatient_one(self) -> None:
        machines = [
            offer("llama-3.1-8b", "awq", self.ON, concurrency=60, ttft=ttft).machines for ttft in (30.0, 5.0, 2.0, 1.0)
        ]
        assert machines == sorted(machines)

    def test_too_many_machines_are_not_offered(self) -> None:
        found = made("llama-3.3-70b", "awq", machine("rtx-pro-6000"), concurrency=400, itl=0.04)
        assert not isinstance(found, Offer)
        assert "would be needed" in found.reason
        assert found.offer
        assert found.offer.machines > MOST_MACHINES

    def test_machines_that_are_not_there_are_not_offered(self) -> None:
        there = replace(self.ON, hour=None, place="own")
        many = offer("qwen3-8b", "awq", there, concurrency=90).machines
        assert many > 1
        assert offer("qwen3-8b", "awq", replace(there, limit=many), concurrency=90).machines == many
        found = made("qwen3-8b", "awq", replace(there, limit=many - 1), concurrency=90)
        assert not isinstance(found, Offer)
        assert f"{many} of box (1 x l4) would be needed" in found.reason

    @settings(max_examples=15, deadline=None)
    @given(
        name=st.sampled_from(["qwen3-0.6b", "qwen3-8b", "gpt-oss-20b", "llama-3.3-70b"]),
        load=st.floats(1, 80),
        more=st.floats(1, 2.5),
        prompt=st.integers(50, 4000),
        output=st.integers(10, 800),
        ttft=st.floats(0.5, 10),
        itl=st.floats(0.02, 0.3),
    )
    def test_more_load_never_costs_less(
        self, name: str, load: float, more: float, prompt: int, output: int, ttft: float, itl: float
    ) -> None:
        asked = {"prompt": prompt, "output": output, "ttft": ttft, "itl": itl}
        small, large = (
            bench(name, None, few_instances(), concurrency=one, **asked) for one in (load, load * more)
        )  # fmt: skip
        for place in (lambda of: of.rented, machines_to_buy, boxes):
            less = small.cheapest(place(small))
            assert large.cheapest(place(large)).month >= less.month * (1 - 1e-9)


def test_what_machines_alike_share_is_computed_once_and_said_of_each() -> None:
    of = bench()
    alike = [one for one in machines_for_rent() if one.accelerator.name == "l4" and one.count == 1]
    alike = [one for one in alike if one.key == alike[0].key]
    assert len(alike) > 2
    offers = Offers(of.need)
    found = [offers.make(of.variants[0], one) for one in alike]
    assert len(offers._served) == 1
    assert [one.hardware for one in found if isinstance(one, Offer)] == alike


def test_this_machine_is_one_machine() -> None:
    few = Hardware("this machine", "local", processor(8, 32, "its processor"), 1, 32, limit=1)
    found = made("qwen3-8b", "q4_k_m", few, concurrency=200, ttft=60.0, itl=5.0)
    assert not isinstance(found, Offer)
    assert found.reason.endswith("would be needed, and there is 1")


def test_dearer_hours_do_not_change_what_a_machine_can_do() -> None:
    cheap, dear = machine("l4", hour=0.5), machine("l4", hour=5.0)
    one, other = offer("qwen3-8b", "awq", cheap), offer("qwen3-8b", "awq", dear)
    assert (one.machines, one.served, one.ttft) == (other.machines, other.served, other.ttft)
    assert price_of(other, need()).machines == pytest.approx(10 * price_of(one, need()).machines)
    found = cheapest(Offers(need()), [variant("qwen3-8b", "awq")], [dear, cheap], need())
    assert found.best
    assert found.best.offer.hardware is cheap
