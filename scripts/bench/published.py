"""How near sizing comes to what others have published: the figures that tests/sizing/test_published.py holds to bounds.

    .venv/bin/python scripts/bench/published.py

Prints one JSON document. Errors are shares of the published figure, factors are the larger of ratio and its inverse.
"""

from __future__ import annotations

import json
import math
import sys
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[2]))

from tests.sizing.published_rows import engine_log, percentile, preset, rows, throughput, version_known

from llmdeploy.sizing.catalogue.models import short_name


def spread(values: list[float]) -> dict[str, float]:
    return {
        "count": len(values),
        "median": round(percentile(values, 0.5), 4),
        "90 %": round(percentile(values, 0.9), 4),
    }


def parameters() -> dict[str, float]:
    found = [
        abs(model.architecture.parameters / row["parameters_transformers"] - 1)
        for row in rows("parameters")
        if row["parameters_transformers"] and (model := short_name(row["name"]))
    ]
    return {"count": len(found), "within 0.5 %": round(sum(one <= 0.005 for one in found) / len(found), 4)}


def cache_tokens(known: bool) -> dict[str, float]:
    found = []
    for row in rows("engine_logs"):
        sized = engine_log(row) if row["kv_cache_tokens"] and version_known(row) is known else None
        if sized:
            found.append(abs(sized.kv_cache_tokens / row["kv_cache_tokens"] - 1))
    return spread(found)


def verdicts() -> dict[str, float]:
    told = [(row, engine_log(row)) for row in rows("engine_logs") if row["outcome"]]
    right = [(row["outcome"] == "starts") == (sized.max_concurrency >= 1) for row, sized in told if sized]
    return {"count": len(right), "right": round(sum(right) / len(right), 4)}


def presets(fits: bool) -> dict[str, float]:
    told = [sized for row in rows("presets") if row["fits"] is fits and (sized := preset(row))]
    return {"count": len(told), "said to fit": round(sum(one.fits for one in told) / len(told), 4)}


def speed(figure: str) -> dict[str, float]:
    found = []
    for row in rows("throughput"):
        said = throughput(row) if row[figure] else None
        if said:
            found.append(math.exp(abs(math.log(said[figure == "itl_ms"] / row[figure]))))
    return spread(found)


def main() -> None:
    found: dict[str, Any] = {
        "parameters": parameters(),
        "KV-cache tokens, version known": cache_tokens(known=True),
        "KV-cache tokens, version not told": cache_tokens(known=False),
        "starts or not": verdicts(),
        "presets that run": presets(fits=True),
        "known failures": presets(fits=False),
        "tokens/s, factor": speed("output_tokens_per_second"),
        "ITL, factor": speed("itl_ms"),
    }
    sys.stdout.write(json.dumps(found, indent=1) + "\n")


if __name__ == "__main__":
    main()
