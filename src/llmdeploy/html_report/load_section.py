"""The load gate's figures: rates of both loops, and the percentiles of each latency against its bound."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from llmdeploy.html_report.charts import dots
from llmdeploy.html_report.markup import Markup, joined, table, tag
from llmdeploy.html_report.recorded import mapping, number, text
from llmdeploy.html_report.units import milliseconds, plain, share

LOOPS = ("closed", "open")
LATENCIES = {
    "ttft": "TTFT: time to the first token",
    "itl": "ITL: time between two tokens",
    "tpot": "TPOT: time per token after the first",
    "e2e": "Time to the whole answer",
}
PERCENTILES = ("p50", "p90", "p95", "p99", "max")
RATES = {
    "tokens_per_s": ("output tokens/s", plain),
    "requests_per_s": ("requests/s", plain),
    "goodput": ("goodput, share within the SLO", share),
    "goodput_per_s": ("good requests/s", plain),
    "finished": ("requests finished", plain),
    "failed": ("requests failed", plain),
    "unfinished": ("unfinished at the end", plain),
    "prompt_tokens_mean": ("prompt tokens, mean", plain),
    "completion_tokens_mean": ("output tokens, mean", plain),
}
BOUND_MS = re.compile(r"<= ?(\d+(?:\.\d+)?(?:e\+\d+)?) ms", re.ASCII)
Loops = dict[str, dict[str, Any]]


def load_figures(data: dict[str, Any], checks: Sequence[dict[str, Any]]) -> Markup:
    """Empty where the gate has no loops."""
    loops = {name: mapping(data[name]) for name in LOOPS if mapping(data.get(name))}
    if not loops:
        return Markup()
    panels = [_latency(key, title, loops, _bound(key, checks)) for key, title in LATENCIES.items()]
    return joined((_how(data), _rates(loops), _failures(loops), tag("div", *panels, class_="panels")))


def _how(data: dict[str, Any]) -> Markup:
    found = {
        name: number(data.get(name)) for name in ("concurrency", "seconds", "rate", "prompt_tokens", "output_tokens")
    }
    if None in (found["concurrency"], found["seconds"]):
        return Markup()
    said = [f"Closed loop: {plain(found['concurrency'] or 0)} requests kept in flight."]
    if found["rate"]:
        said.append(f"Open loop: Poisson arrivals, {plain(found['rate'])} requests/s.")
    said.append(f"Each sends for {plain(found['seconds'] or 0)} s")
    if found["prompt_tokens"] and found["output_tokens"]:
        said.append(
            f"with {plain(found['prompt_tokens'])} prompt and {plain(found['output_tokens'])} output tokens a request"
        )
    return tag("p", " ".join(said) + ".")


def _rates(loops: Loops) -> Markup:
    rows = []
    for key, (name, unit) in RATES.items():
        found = [number(loop.get(key)) for loop in loops.values()]
        if any(value is not None for value in found):
            rows.append([name, *("" if value is None else unit(value) for value in found)])
    return table("Rates", ("figure", *(f"{name} loop" for name in loops)), rows, kind="figures")


def _failures(loops: Loops) -> Markup:
    rows = [
        [f"{name} loop: {category}", text(mapping(found).get("count")), text(mapping(found).get("example"))]
        for name, loop in loops.items()
        for category, found in mapping(loop.get("failures")).items()
    ]
    return table("Failed requests by kind", ("kind", "count", "one of them"), rows)


def _bound(key: str, checks: Sequence[dict[str, Any]]) -> float | None:
    """The bound that the gate held the 95th percentile against, in milliseconds."""
    for check in checks:
        found = BOUND_MS.fullmatch(text(check.get("bound")))
        if found and text(check.get("name")).endswith(f"{key}_p95"):
            return number(float(found[1]))
    return None


def _samples(loop: dict[str, Any], key: str) -> dict[str, Any]:
    """As the gate judges them: a closed loop's TTFT and e2e with the requests that its stalls kept back."""
    return mapping(mapping(loop.get("corrected")).get(f"{key}_ms")) or mapping(loop.get(f"{key}_ms"))


def _latency(key: str, title: str, loops: Loops, bound: float | None) -> Markup:
    found = {name: [number(_samples(loop, key).get(one)) for one in PERCENTILES] for name, loop in loops.items()}
    if all(value is None for values in found.values() for value in values):
        return Markup()
    series = [(f"{name} loop", values) for name, values in found.items()]
    limit = (f"SLO of p95, {milliseconds(bound)}", bound) if bound else None
    chart = dots(f"{title}, percentiles in milliseconds", PERCENTILES, series, limit, milliseconds)
    rows = (
        [one, *("" if value is None else milliseconds(value) for value in values)]
        for one, *values in zip(PERCENTILES, *found.values(), strict=True)
    )
    figures = table(title, ("percentile", *(f"{name} loop" for name in loops)), rows, kind="figures")
    note = _corrected(key, loops)
    return tag("figure", tag("figcaption", title), chart, figures, note, class_="panel")


def _corrected(key: str, loops: Loops) -> Markup:
    if not mapping(mapping(mapping(loops.get("closed")).get("corrected")).get(f"{key}_ms")):
        return Markup()
    return tag("p", "The closed loop's figures are corrected for coordinated omission.", class_="quiet")
