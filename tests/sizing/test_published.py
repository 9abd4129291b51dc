"""How near llmdeploy comes to what others have published: engine logs, presets, failures, benchmarks.

The bounds are promises of the project (docs/concepts/measured.md shows what they come to). On failure the rows that
are furthest off are printed.
"""

from __future__ import annotations

import math

import pytest

from llmdeploy.sizing.catalogue.models import short_name

from .published_rows import all_rows, engine_log, percentile, preset, rows, throughput, version_known

SHOWN = 25
UNANSWERED = math.inf


def worst(errors: dict[str, float]) -> str:
    """The largest first, one a line."""
    order = sorted(errors.items(), key=lambda one: -abs(one[1]))[:SHOWN]
    return "\n".join(f"{error:9.3f}  {name}" for name, error in order)


@pytest.mark.parametrize(
    ("name", "least"), [("parameters", 90), ("engine_logs", 100), ("presets", 100), ("throughput", 200)]
)
def test_a_row_is_left_out_only_for_a_reason(name: str, least: int) -> None:
    every = all_rows(name)
    left_out = [row["excluded"] for row in every if "excluded" in row]
    assert all(isinstance(reason, str) and len(reason) > 5 for reason in left_out)
    assert len(every) - len(left_out) >= least
    assert len(left_out) / len(every) <= 0.4
    if name != "parameters":
        assert len({row["id"] for row in every}) == len(every)
        assert [row["id"] for row in every if not row["source"] or not row["date"]] == []


def test_parameters_are_those_that_transformers_builds() -> None:
    off = {}
    for row in rows("parameters"):
        if row["parameters_transformers"]:
            model = short_name(row["name"])
            found = model.architecture.parameters / row["parameters_transformers"] - 1 if model else UNANSWERED
            off[row["name"]] = found
    near = sum(abs(error) <= 0.005 for error in off.values()) / len(off)
    assert near >= 0.95, worst(off)


def test_cache_tokens_are_those_that_engines_logged() -> None:
    """Of engines whose version is known."""
    off = {}
    for row in rows("engine_logs"):
        if row["kv_cache_tokens"] and version_known(row):
            found = engine_log(row)
            off[_told(row)] = found.kv_cache_tokens / row["kv_cache_tokens"] - 1 if found else UNANSWERED
    errors = [abs(error) for error in off.values()]
    assert len(errors) >= 40
    middle, most = percentile(errors, 0.5), percentile(errors, 0.9)
    assert middle <= 0.05, f"median {middle:.3f} of {len(errors)}\n{worst(off)}"
    assert most <= 0.15, f"90th percentile {most:.3f} of {len(errors)}\n{worst(off)}"


def test_whether_engines_start_is_told_right() -> None:
    wrong, count = {}, 0
    for row in rows("engine_logs"):
        if row["outcome"]:
            found = engine_log(row)
            starts = found.max_concurrency >= 1 if found else None
            count += 1
            if starts is not (row["outcome"] == "starts"):
                wrong[f"{row['outcome']:8}{_told(row)}"] = found.max_concurrency if found else UNANSWERED
    assert count >= 100
    assert 1 - len(wrong) / count >= 0.95, f"{len(wrong)} of {count} wrong\n{worst(wrong)}"


def test_published_presets_are_said_to_fit() -> None:
    presets = [row for row in rows("presets") if row["fits"]]
    found = {_told(row): preset(row) for row in presets}
    wrong = {name: one.missing / 2**30 if one else UNANSWERED for name, one in found.items() if not one or not one.fits}
    assert len(presets) >= 80
    assert 1 - len(wrong) / len(presets) >= 0.95, f"{len(wrong)} of {len(presets)} wrong\n{worst(wrong)}"


def test_no_known_failure_is_said_to_fit() -> None:
    failures = [row for row in rows("presets") if not row["fits"]]
    found = {_told(row): preset(row) for row in failures}
    wrong = {name: one.max_concurrency if one else UNANSWERED for name, one in found.items() if not one or one.fits}
    assert len(failures) >= 20
    assert wrong == {}, worst(wrong)


@pytest.mark.parametrize("figure", ["output_tokens_per_second", "itl_ms"])
def test_speed_is_near_published_benchmarks(figure: str) -> None:
    factors, direction = [], {}
    for row in rows("throughput"):
        if row[figure]:
            found = throughput(row)
            said = found[figure == "itl_ms"] if found else 0
            direction[_told(row)] = math.log(said / row[figure]) if said else UNANSWERED
            factors.append(math.exp(abs(direction[_told(row)])))
    assert len(factors) >= 100
    middle, most = percentile(factors, 0.5), percentile(factors, 0.9)
    assert middle <= 1.4, f"median factor {middle:.2f} of {len(factors)}; logarithms:\n{worst(direction)}"
    assert most <= 2.2, f"factor {most:.2f} at 90 % of {len(factors)}; logarithms:\n{worst(direction)}"


def _told(row: dict[str, object]) -> str:
    keys = ("id", "model", "quantization", "accelerator", "count", "tensor_parallel", "version", "max_model_len")
    return " ".join(str(row.get(key)) for key in keys)
