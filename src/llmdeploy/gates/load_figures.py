"""Turns what a loop saw into figures, and figures into checks."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import chain
from statistics import fmean, median
from typing import Any

from llmdeploy.adapters.openai_client import Outcome
from llmdeploy.gates.loops import LoopRun
from llmdeploy.gates.result import Check
from llmdeploy.gates.statistics import summary, with_omitted


@dataclass(frozen=True)
class Bounds:
    """The service level objective, seconds; None asks nothing. `min_goodput` is a share from 0 to 1."""

    ttft_p95_s: float | None = None
    itl_p95_s: float | None = None
    e2e_p95_s: float | None = None
    min_goodput: float = 0.0

    def met_by(self, outcome: Outcome) -> bool:
        """Whether one finished request is good: its TTFT, its mean ITL and its whole time are within the bounds."""
        return not (
            _over(outcome.ttft, self.ttft_p95_s)
            or _over(outcome.mean_itl, self.itl_p95_s)
            or _over(outcome.e2e, self.e2e_p95_s)
        )

    def missed_by(self, outcome: Outcome, now: float) -> bool:
        """Whether an unfinished request has already waited longer than it may."""
        waiting = not outcome.tokens and _over(now - outcome.scheduled, self.ttft_p95_s)
        return waiting or _over(now - outcome.scheduled, self.e2e_p95_s)


def _over(seconds: float, bound: float | None) -> bool:
    return bound is not None and seconds > bound


def loop_figures(run: LoopRun, bounds: Bounds) -> dict[str, Any]:
    """All figures of one loop, latencies in milliseconds, in JSON types.

    Rates are what finished over the time from the first request to the end of the last. Latencies are of finished
    requests, counted from the scheduled time. A request that was cancelled at the end enters TTFT (if it had no token)
    and e2e with the time it had waited: a lower bound, without which a stall at the end would not show. `goodput` is
    the share of requests within the bounds; failed requests are not, nor are cancelled ones that had already missed.
    """
    done, late = run.finished, [run.ended - one.scheduled for one in run.unfinished]
    ttft = [one.ttft for one in done]
    ttft += [run.ended - one.scheduled for one in run.unfinished if not one.tokens]
    e2e = [one.e2e for one in done] + late
    good = sum(map(bounds.met_by, done))
    judged = len(done) + len(run.failed) + sum(bounds.missed_by(one, run.ended) for one in run.unfinished)
    tokens = sum(one.completion_tokens for one in done)
    figures: dict[str, Any] = {
        "seconds": round(run.seconds, 3),
        "finished": len(done),
        "failed": len(run.failed),
        "unfinished": len(run.unfinished),
        "gave_up": run.gave_up,
        "failures": failures(run.failed),
        "requests_per_s": _rate(len(done), run.seconds),
        "tokens_per_s": _rate(tokens, run.seconds),
        "prompt_tokens_mean": _mean(one.prompt_tokens for one in done),
        "completion_tokens_mean": _mean(one.completion_tokens for one in done),
        "goodput": round(good / judged, 4) if judged else 0.0,
        "goodput_per_s": _rate(good, run.seconds),
        "ttft_ms": summary(ttft),
        "itl_ms": summary(chain.from_iterable(one.itls for one in done)),
        "tpot_ms": summary(tpot for one in done if (tpot := one.tpot) is not None),
        "e2e_ms": summary(e2e),
        "send_lag_ms": summary(one.started - one.scheduled for one in done),
    }
    if run.kind == "closed" and e2e:
        figures["corrected"] = corrected(ttft, e2e)
    return figures


def corrected(ttft: list[float], e2e: list[float]) -> dict[str, Any]:
    """TTFT and e2e of a closed loop with the requests that its stalls kept it from sending.

    The expected interval of a worker without think time is the median of its request times. The ITL needs no
    correction: the server paces the tokens, not the client.
    """
    interval = median(e2e)
    return {
        "interval_ms": round(1000 * interval, 3),
        "ttft_ms": summary(with_omitted(ttft, interval)),
        "e2e_ms": summary(with_omitted(e2e, interval)),
    }


def failures(failed: Iterable[Outcome]) -> dict[str, dict[str, Any]]:
    """Failures by category: how many, and one of them in full."""
    failed = list(failed)
    example = {one.category: one.error for one in reversed(failed)}
    counts = Counter(one.category for one in failed)
    return {category: {"count": count, "example": example[category]} for category, count in counts.most_common()}


def loop_checks(kind: str, figures: dict[str, Any], bounds: Bounds) -> list[Check]:
    """The checks of one loop. TTFT and e2e of a closed loop are the corrected ones."""
    latencies = figures.get("corrected", figures)
    checks = [_failures_check(kind, figures)]
    for name, bound, samples in (
        ("ttft_p95", bounds.ttft_p95_s, latencies["ttft_ms"]),
        ("itl_p95", bounds.itl_p95_s, figures["itl_ms"]),
        ("e2e_p95", bounds.e2e_p95_s, latencies["e2e_ms"]),
    ):
        if bound is not None:
            checks.append(_latency_check(f"{kind} loop {name}", samples, 1000 * bound))
    goodput, judged = figures["goodput"], figures["finished"] + figures["failed"]
    passed = goodput >= bounds.min_goodput
    detail = f"{figures['goodput_per_s']:g} good requests/s of {judged} requests"
    return [*checks, Check(f"{kind} loop goodput", passed, f"{goodput:g}", f">= {bounds.min_goodput:g}", detail)]


def _failures_check(kind: str, figures: dict[str, Any]) -> Check:
    said = [f"{found['count']} x {found['example']}" for found in figures["failures"].values()]
    if figures["gave_up"]:
        said.append("gave up after too many failures in a row")
    if figures["unfinished"]:
        said.append(f"{figures['unfinished']} unfinished at the end: not counted")
    return Check(
        name=f"{kind} loop failures",
        passed=not figures["failed"] and figures["finished"] > 0,
        value=f"{figures['failed']} failed, {figures['finished']} finished",
        bound="0 failed, at least 1 finished",
        detail="; ".join(said),
        seconds=figures["seconds"],
    )


def _latency_check(name: str, samples: dict[str, float], bound_ms: float) -> Check:
    bound = f"<= {bound_ms:g} ms"
    if not samples["count"]:
        return Check(name, False, "no sample", bound, "nothing was answered with enough tokens")
    value = samples["p95"]
    detail = f"p50 {samples['p50']:.3g} ms, max {samples['max']:.3g} ms, {samples['count']} samples"
    return Check(name, value <= bound_ms, f"{value:.3g} ms" if value < 100 else f"{value:.0f} ms", bound, detail)


def _rate(count: float, seconds: float) -> float:
    return round(count / seconds, 2) if seconds > 0 else 0.0


def _mean(counts: Iterable[int]) -> float:
    counts = list(counts)
    return round(fmean(counts), 1) if counts else 0.0
