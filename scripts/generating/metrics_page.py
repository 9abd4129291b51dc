"""docs/reference/metrics.md: the prober's metrics, as its own registry gives them."""

from __future__ import annotations

from prometheus_client.parser import text_string_to_metric_families

from llmdeploy.prober.exposition import Exposition

INTRO = """\
# Metrics of the prober

Where to find them: `cat .llmdeploy/<name>/prober.port` gives the port, on loopback; the path is `/metrics`, and no key
is needed. `monitor.port` in the spec fixes the port. A figure that the engine does not give is NaN.

The engine's own metrics are at `/metrics` of the endpoint, with the API key.

| name | type | labels | meaning |
|---|---|---|---|
"""


def text() -> str:
    families = text_string_to_metric_families(Exposition().text().decode())
    rows = []
    for family in families:
        name = f"{family.name}_total" if family.type == "counter" else family.name
        values: dict[str, list[str]] = {}
        for sample in family.samples:
            for label, value in sample.labels.items():
                if label != "le":  # the buckets of a histogram
                    values.setdefault(label, []).append(value)
        labels = ", ".join(f"`{label}`: {', '.join(sorted(found))}" for label, found in values.items())
        rows.append(f"| `{name}` | {family.type} | {labels} | {family.documentation} |\n")
    return INTRO + "".join(rows)
