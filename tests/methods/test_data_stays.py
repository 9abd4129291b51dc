"""Private data and places without a line: nothing is rented, by no method and by no alternative."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from llmdeploy.errors import SpecError
from llmdeploy.methods.decide import all_rows, decide, nearest
from llmdeploy.methods.pick_model import pick_model
from llmdeploy.methods.smaller import anywhere
from llmdeploy.methods.variant import variants
from tests.methods.benches import (
    CLOUD_TARGETS,
    NEED,
    RENTING,
    SERVER,
    alone,
    bench,
    few_instances,
    known_models,
    named,
    rents,
)

MODELS = (
    "demo", "qwen3-0.6b", "llama-3.2-1b", "qwen3-8b", "mixtral-8x7b", "gpt-oss-20b", "llama-3.3-70b", "deepseek-v3",
)  # fmt: skip
KEPT = {"private": {"policy": "private"}, "no line": {"connectivity": "none"}}
SAYS = {"private": "data.policy is private", "no line": "data.connectivity is none"}


@pytest.mark.parametrize("why", KEPT)
@settings(max_examples=6, deadline=None)
@given(
    name=st.sampled_from(MODELS),
    concurrency=st.floats(1, 100),
    prompt=st.integers(16, 3000),
    output=st.integers(8, 800),
    spot=st.sampled_from([0.0, 1.0]),
    task=st.sampled_from(["chat", "faq"]),
    here=st.sampled_from([None, SERVER]),
)
def test_nothing_is_rented(
    why: str, name: str, concurrency: float, prompt: int, output: int, spot: float, task: str, here: object
) -> None:
    asked = {"concurrency": concurrency, "prompt": prompt, "output": output, "spot": spot, "task": task}
    rows = all_rows(bench(name, here, few_instances(), ttft=5.0, itl=0.2, **asked, **KEPT[why]))  # type: ignore[arg-type]
    for row in rows:
        assert not rents(row), row
        if row.target in RENTING:
            assert not row.feasible
            assert SAYS[why] in row.reason
    assert {row.target for row in rows} >= set(RENTING)
    assert not [text for text in nearest(rows, NEED) if text.startswith(("cloud", "hybrid"))]


@pytest.mark.parametrize("why", KEPT)
def test_what_is_chosen_and_what_is_proposed_stay_at_home(why: str) -> None:
    open_to_all = decide(bench("llama-3.3-70b", spot=1.0, concurrency=2))
    kept = decide(bench("llama-3.3-70b", spot=1.0, concurrency=2, **KEPT[why]))
    assert any(rents(row) for row in open_to_all.rows if row.feasible)
    assert not any(rents(row) for row in kept.rows)
    assert kept.chosen.target in ("onprem", "edge")
    for name in ("smaller model", "quantized variant"):
        assert named(kept.rows, name).feasible


@pytest.mark.parametrize("why", KEPT)
def test_an_open_model_is_not_chosen_for_a_price_that_only_a_cloud_has(why: str) -> None:
    """With spot machines a cloud is the cheapest place; where it may not be taken, it must not decide."""
    of = bench("qwen3-8b", None, few_instances(), spot=1.0, **KEPT[why])
    of = replace(of, models=known_models()[::7])
    best = anywhere(of, variants(pick_model(of), of.need)).best
    assert best
    assert best.offer.hardware.hour is None


@pytest.mark.parametrize("why", KEPT)
@pytest.mark.parametrize("target", [*CLOUD_TARGETS, "hybrid"])
def test_a_pinned_cloud_is_refused_with_the_field_to_change(why: str, target: str) -> None:
    with pytest.raises(SpecError) as caught:
        decide(alone(**KEPT[why]), target)
    (problem,) = caught.value.problems
    assert problem.path == ("data.policy" if why == "private" else "data.connectivity")
    assert SAYS[why] in problem.message
    assert "edge, qwen3-8b" in problem.hint
    assert "cloud" not in problem.hint
