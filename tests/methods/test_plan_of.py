"""The plan that a chosen row stands for: what will run, where its weights come from, what must be known before."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from llmdeploy.methods.decide import Decision, decide
from llmdeploy.methods.plan_of import plan_of
from llmdeploy.plan import Plan, Prediction
from llmdeploy.spec import parse_spec
from tests.methods.benches import SERVER, alone, bench, model, need


def plan(name: str = "qwen3-8b", target: str = "aws", asked: str = "", **more: Any) -> Plan:
    """`asked` is what the user wrote as the model."""
    return plan_of(decide(alone(name, **more), target), parse_spec("", "test", {"model.id": asked or name}))


@pytest.fixture(scope="module")
def decision() -> Decision:
    return decide(bench("llama-3.3-70b"), "aws")


class TestPlan:
    @pytest.mark.parametrize("target", ["aws", "azure", "gcp", "onprem", "edge", "hybrid"])
    def test_it_goes_through_json_unharmed(self, target: str) -> None:
        found = plan("qwen3-8b", target, concurrency=60)
        again = Plan.from_json(json.loads(json.dumps(found.as_json())))
        assert again == found
        assert again.digest == found.digest

    def test_it_says_what_the_row_says(self, decision: Decision) -> None:
        found = plan_of(decision, parse_spec("name: big", "test", {"model.id": "llama-3.3-70b"}))
        row = decision.chosen
        assert row.offer
        assert (found.name, found.target) == ("big", "aws")
        assert found.price_per_month == pytest.approx(row.month, abs=0.01)
        assert found.purchase == 0
        assert found.instance == row.offer.hardware.name
        assert found.region == "us-east-1"
        assert (found.machines, found.replicas) == (row.offer.machines, row.offer.replicas)
        assert found.tensor_parallel == row.offer.layout.tensor
        assert found.slots == int(row.offer.served.batch)
        assert found.context >= need().tokens
        assert found.predicted == Prediction(
            row.offer.ttft, row.offer.served.itl, row.offer.tokens_per_second, row.offer.headroom
        )
        assert (found.variant, found.engine) == ("awq", "vllm")

    def test_memory_is_of_one_device_and_fits(self, decision: Decision) -> None:
        found = plan_of(decision, parse_spec("", "test")).memory
        assert [part.name for part in found.parts] == ["weights", "kv cache", "activations", "runtime"]
        assert all(part.bytes > 0 for part in found.parts)
        assert found.fits

    def test_everything_that_was_not_taken_is_there_with_its_reason(self, decision: Decision) -> None:
        found = plan_of(decision, parse_spec("", "test"))
        assert {one.what for one in found.alternatives} == {row.name for row in decision.rows} - {"cloud: AWS"}
        for one in found.alternatives:
            assert one.reason

    def test_a_pin_and_the_best_are_among_the_reasons(self, decision: Decision) -> None:
        said = "\n".join(plan_of(decision, parse_spec("", "test")).reasons)
        assert "pinned to aws" in said
        assert f"the best is {decision.best.name}" in said

    def test_a_purchase_is_told(self) -> None:
        found = plan(target="onprem")
        assert found.purchase > 1000
        assert found.price_per_month < found.purchase

    def test_a_row_without_a_model_is_no_plan_of_one(self) -> None:
        found = decide(bench("qwen3-8b", task="faq"))
        rules = next(row for row in found.rows if row.method == "rules")
        with pytest.raises(ValueError, match="rule-based system has no offer"):
            plan_of(replace(found, chosen=rules), parse_spec("", "test"))


class TestDigest:
    def test_predictions_prices_and_words_do_not_count(self) -> None:
        found = plan()
        for other in (
            replace(found, predicted=None),
            replace(found, predicted=Prediction(9, 9, 9, 0.9)),
            replace(found, price_per_month=1.0, purchase=2.0),
            replace(found, reasons=(), warnings=("x",), alternatives=()),
        ):
            assert other != found
            assert other.digest == found.digest

    @pytest.mark.parametrize(
        "change",
        [{"machines": 9}, {"instance": "other"}, {"region": "moon"}, {"tensor_parallel": 2}, {"pipeline_parallel": 2},
         {"replicas": 9}, {"variant": "fp8"}, {"target": "gcp"}, {"context": 1}, {"slots": 1}],
    )  # fmt: skip
    def test_what_will_run_counts(self, change: dict[str, Any]) -> None:
        found = plan()
        assert replace(found, **change).digest != found.digest


class TestWeights:
    def test_a_known_file_is_pinned_to_its_commit_and_hash(self) -> None:
        found = plan("qwen3-0.6b", "edge", quantization="q8_0").model
        (file,) = [one for one in model("qwen3-0.6b").files if one.quantization == "Q8_0"]
        assert (found.source, found.format, found.location) == ("hub", "gguf", file.repository)
        assert (found.file, found.revision, found.sha256) == (file.file, file.revision, file.sha256)
        assert found.size_bytes == file.size_bytes

    def test_of_an_unknown_file_the_size_is_computed_and_nothing_is_made_up(self) -> None:
        found = plan("qwen3-0.6b", "edge", quantization="q3_k_s").model
        assert found.format == "gguf"
        assert (found.file, found.sha256, found.revision) == ("", "", "")
        assert 0 < found.size_bytes < model("qwen3-0.6b").parameters

    def test_the_model_of_the_package_is_not_fetched(self) -> None:
        found = plan("demo", "edge", prompt=100, output=100).model
        assert (found.source, found.format) == ("bundled", "gguf")
        assert found.sha256

    def test_for_gpus_the_publishers_repository_is_taken(self) -> None:
        found = plan("qwen3-8b", "aws", quantization="bf16").model
        assert (found.id, found.location, found.format) == ("qwen3-8b", "Qwen/Qwen3-8B", "safetensors")

    @pytest.mark.parametrize("asked", ["Qwen/Qwen3-8B-Base", "somebody/Qwen3-8B", "somebody/qwen3-8b-awq"])
    def test_another_repository_of_the_same_shape_keeps_its_own_weights(self, asked: str) -> None:
        for target, quantization in (("aws", "bf16"), ("edge", "q8_0")):
            found = plan("qwen3-8b", target, asked, quantization=quantization).model
            assert (found.id, found.location, found.file) == (asked, asked, "")

    @pytest.mark.parametrize("asked", ["qwen3-8b", "Qwen/Qwen3-8B", "qwen/qwen3-8b"])
    def test_the_publishers_own_name_is_the_same_however_it_is_spelled(self, asked: str) -> None:
        assert plan("qwen3-8b", "aws", asked, quantization="bf16").model.location == "Qwen/Qwen3-8B"

    def test_the_commit_of_the_spec_is_kept(self) -> None:
        spec = parse_spec("model: {id: qwen3-8b, revision: '1a2b3c4d5e6f', quantization: bf16}", "test")
        found = plan_of(decide(alone(quantization="bf16"), "aws"), spec)
        assert found.model.revision == "1a2b3c4d5e6f"


class TestWarnings:
    def test_the_condition_of_a_licence_and_gated_access_are_told_before_anything_is_spent(self) -> None:
        licence, gated = plan("llama-3.3-70b", quantization="fp8").warnings
        assert licence.startswith("licence llama3.3: a licence of Meta's own is needed above 700 million")
        assert gated.startswith("meta-llama/Llama-3.3-70B-Instruct is gated: accept its terms")
        assert "HF_TOKEN" in gated

    def test_an_open_licence_needs_no_words(self) -> None:
        assert plan("qwen3-8b").warnings == ()

    def test_a_file_of_an_open_repository_is_not_gated(self) -> None:
        (file,) = [one for one in model("llama-3.2-1b").files if one.quantization == "Q4_K_M"] or [None]
        if file is None or file.repository == model("llama-3.2-1b").repository:
            pytest.skip("the catalogue has no such file")
        found = plan("llama-3.2-1b", "edge", quantization="q4_k_m")
        assert [one.partition(":")[0] for one in found.warnings] == ["licence llama3.2"]


def test_this_machine_is_planned_where_it_stands() -> None:
    found = plan("qwen3-0.6b", "local", here=SERVER, concurrency=1)
    assert (found.target, found.instance, found.machines) == ("local", "this machine", 1)
