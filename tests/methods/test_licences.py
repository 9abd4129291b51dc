"""Licences: what may be used for money, and what must be known before anything is spent."""

from __future__ import annotations

from dataclasses import replace

import pytest

from llmdeploy.errors import SpecError
from llmdeploy.methods.decide import all_rows, decide
from llmdeploy.methods.licences import CONDITIONS, FORBIDDEN, condition, forbids
from llmdeploy.methods.need import Weights
from llmdeploy.methods.pick_model import pick_model
from tests.methods.benches import SERVER, alone, bench, known_models, model, named, need

NON_COMMERCIAL = [one.name for one in known_models() if one.license in FORBIDDEN]
PLACES = ("this machine", "cloud: AWS", "cloud: Azure", "cloud: GCP", "on-premises", "edge", "hybrid")


def test_the_catalogue_has_models_that_may_not_be_used_for_money() -> None:
    assert "command-r" in NON_COMMERCIAL
    assert len(NON_COMMERCIAL) > 5


@pytest.mark.parametrize("name", NON_COMMERCIAL)
def test_no_place_serves_a_non_commercial_model_for_money(name: str) -> None:
    for row in all_rows(alone(name, SERVER)):
        assert not row.feasible, row


def test_the_refusal_names_the_licence_in_every_row_and_the_field_that_allows_it() -> None:
    of = bench("command-r", SERVER)
    rows = all_rows(of)
    for name in (*PLACES, "quantized variant"):
        assert named(rows, name).reason == "CC BY-NC 4.0 forbids commercial use"
    with pytest.raises(SpecError) as caught:
        decide(of)
    (problem,) = caught.value.problems
    assert problem.path == "model.use"
    assert "CC BY-NC 4.0 forbids commercial use" in problem.message
    assert "use: research" in problem.hint
    assert "nearest: smaller model" in problem.hint


@pytest.mark.parametrize("target", ["local", "aws", "edge"])
def test_pinning_a_place_does_not_help(target: str) -> None:
    with pytest.raises(SpecError, match="forbids commercial use"):
        decide(alone("command-r", SERVER), target)


def test_research_may_use_it() -> None:
    decision = decide(bench("command-r", use="research"))
    assert decision.chosen.offer
    assert decision.chosen.offer.variant.model.name == "command-r"
    assert all("forbids" not in row.reason for row in decision.rows)


@pytest.mark.parametrize("weight", ["cost", "quality"])
def test_alternatives_never_have_a_forbidden_licence(weight: str) -> None:
    weights = Weights(**{"cost": 0, "speed": 0, "quality": 0, "control": 0, "ease": 0, weight: 1})
    for row in all_rows(bench("command-r-plus", weights=weights)):
        if row.method in ("smaller", "distilled") and row.offer:
            assert row.offer.variant.model.license not in FORBIDDEN


def test_a_smaller_model_that_only_research_may_use_is_left_out_for_money(monkeypatch: pytest.MonkeyPatch) -> None:
    """The one that would be proposed loses its licence; the next one is proposed."""
    proposed = named(all_rows(bench()), "smaller model").offer
    assert proposed
    monkeypatch.setitem(FORBIDDEN, proposed.variant.model.license, "forbidden for this test")
    again = named(all_rows(bench("llama-3.1-8b")), "smaller model").offer
    assert again is None or again.variant.model.license != proposed.variant.model.license


def test_an_open_model_is_never_a_forbidden_one(monkeypatch: pytest.MonkeyPatch) -> None:
    of = replace(bench(), models=known_models()[::7])
    research = replace(of, need=need(use="research"))
    first, of_research = pick_model(of), pick_model(research)
    for licence in {first.license, of_research.license}:
        monkeypatch.setitem(FORBIDDEN, licence, "forbidden for this test")
    assert not forbids(pick_model(replace(of)).license)
    assert pick_model(replace(research)).name == of_research.name


def test_a_licence_is_forbidden_or_has_conditions_and_not_both() -> None:
    assert not set(FORBIDDEN) & set(CONDITIONS)
    assert condition(model("llama-3.3-70b").license).startswith("a licence of Meta's own")
    for licence in ("apache-2.0", "mit"):
        assert not forbids(licence)
        assert not condition(licence)
