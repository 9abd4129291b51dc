"""What Prometheus reads, without a prober around it."""

from __future__ import annotations

import math

from prometheus_client.parser import text_string_to_metric_families

from llmdeploy.prober.exposition import Exposition
from llmdeploy.prober.records import Probe


def figures(exposition: Exposition) -> dict[str, float]:
    """Values by name, a bucket's with its bound."""
    families = text_string_to_metric_families(exposition.text().decode())
    return {one.name + one.labels.get("le", ""): one.value for family in families for one in family.samples}


def test_nothing_seen_is_down_and_has_no_figures() -> None:
    found = figures(Exposition())
    assert found["llmdeploy_probe_up"] == 0
    assert found["llmdeploy_probe_correct_total"] == found["llmdeploy_probe_ttft_seconds_count"] == 0
    assert math.isnan(found["llmdeploy_probe_engine_resident_memory_bytes"])


def test_a_histogram_counts_what_is_up_to_each_bound() -> None:
    exposition = Exposition()
    for ttft in (0.004, 0.005, 0.2, 60.0):
        exposition.see_probe(Probe(0.0, "case", "right", ttft_s=ttft))
    found = figures(exposition)
    name = "llmdeploy_probe_ttft_seconds"
    bounds = ("0.005", "0.1", "0.25", "30.0", "+Inf")
    assert [found[f"{name}_bucket{bound}"] for bound in bounds] == [2, 2, 3, 3, 4]
    assert (found[f"{name}_count"], found[f"{name}_sum"]) == (4, 60.209)
