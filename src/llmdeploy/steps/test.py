"""Testing: gates against the deployed endpoint, and their results as files."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Coroutine
from pathlib import Path
from typing import TYPE_CHECKING, Any

from llmdeploy.deployment import Deployment
from llmdeploy.endpoint import Endpoint
from llmdeploy.errors import GateError, MissingError
from llmdeploy.journal import last_passed_test
from llmdeploy.plan import Plan
from llmdeploy.run import Recorder, Run
from llmdeploy.targets import Target
from llmdeploy.units import known_duration

if TYPE_CHECKING:
    from llmdeploy.gates.load import Workload
    from llmdeploy.gates.load_figures import Bounds
    from llmdeploy.gates.result import GateResult

SMOKE_SECONDS = 60.0


def test(plan: Plan, target: Target, deployment: Deployment, run: Run, repeat: bool) -> None:
    """Run the gates; with `repeat` off, those that this very deployment has passed already are not run again.

    Raises GateError (exit 6) naming each number that missed its bound.
    """
    from llmdeploy.adapters.resolve_model import golden_file

    settings = plan.spec["test"]
    golden = golden_file(settings["golden"], plan.model, deployment.environment.cwd)
    asked = _digest_of(plan.spec["workload"], settings, golden)
    with run.step("test") as recorder:
        recorder.data.update(plan=plan.digest, asked=asked)
        passed = None if repeat else last_passed_test(deployment.state.journal, plan.digest, asked)
        if passed:
            recorder.data.update(gates=passed["gates"], measured=passed["measured"])
            recorder.note("gates", f"passed {_ago(deployment, passed['measured'])} by this deployment: not repeated")
            return
        if not target.status(plan, deployment).healthy:
            raise MissingError(f"{plan.name} does not answer", "run `llmdeploy up` or look at `llmdeploy status`")
        results = _run_gates(plan, target.endpoint(plan, deployment), golden, recorder)
        recorder.data.update(gates=[one.as_json() for one in results], measured=deployment.environment.clock.now())
        _write(results, deployment.state.runs / run.id)
        _raise_missed(results)


def _run_gates(plan: Plan, endpoint: Endpoint, golden: Path | None, recorder: Recorder) -> list[GateResult]:
    from llmdeploy.gates.cases import load_cases
    from llmdeploy.gates.golden import run_golden
    from llmdeploy.gates.load import run_load
    from llmdeploy.gates.smoke import run_smoke

    settings = plan.spec["test"]
    smoke = _gate("smoke", run_smoke(endpoint, plan.context, SMOKE_SECONDS), recorder)
    results = [smoke]
    if golden:
        cases = load_cases(golden)
        results.append(_gate("golden", run_golden(endpoint, cases, settings["min_accuracy"]), recorder))
    else:
        recorder.note("golden", "no golden prompts", "skipped", "name a file in test.golden to judge the answers")
    if smoke.passed:
        results.append(_gate("load", run_load(endpoint, _workload(plan), _bounds(plan)), recorder))
    else:
        recorder.note("load", "not measured, because the smoke gate failed", "skipped")
    return results


def _gate(name: str, gate: Coroutine[Any, Any, GateResult], recorder: Recorder) -> GateResult:
    import asyncio

    with recorder.entry(name) as entry:
        result = asyncio.run(gate)
        entry.detail = _summary(result)
        if not result.passed:
            entry.status = "failed"
    return result


def _workload(plan: Plan) -> Workload:
    from llmdeploy.gates.load import Workload

    work, load = plan.spec["workload"], plan.spec["test"]["load"]
    return Workload(
        concurrency=work["concurrency"],
        prompt_tokens=work["prompt_tokens"],
        output_tokens=work["output_tokens"],
        context=plan.context,
        seconds=known_duration(load["duration"]),
        rate=load["rate"],
    )


def _bounds(plan: Plan) -> Bounds:
    from llmdeploy.gates.load_figures import Bounds

    slo = plan.spec["workload"]["slo"]
    return Bounds(
        ttft_p95_s=_seconds(slo["ttft_p95"]),
        itl_p95_s=_seconds(slo["itl_p95"]),
        e2e_p95_s=_seconds(slo["e2e_p95"]),
        min_goodput=slo["min_goodput"],
    )


def _seconds(duration: str | None) -> float | None:
    return known_duration(duration) if duration else None


def _summary(result: GateResult) -> str:
    if result.missed:
        return "; ".join(f"{check.name} {check.value}, bound {check.bound}" for check in result.missed)
    if result.gate == "load":
        closed = result.data["closed"]
        return (
            f"{closed['tokens_per_s']:,.0f} tokens/s at {result.data['concurrency']} requests at once, "
            f"TTFT p95 {closed['ttft_ms']['p95']:.1f} ms, ITL p95 {closed['itl_ms']['p95']:.2f} ms"
        )
    if result.gate == "golden":
        return f"accuracy {result.checks[0].value}, {len(result.data['cases'])} prompts"
    return f"{len(result.checks)} checks passed"


def _raise_missed(results: list[GateResult]) -> None:
    missed = [(one.gate, check) for one in results for check in one.missed]
    if missed:
        raise GateError(
            "; ".join(
                f"{gate}: {check.name} is {check.value}, and the bound is {check.bound}" for gate, check in missed
            ),
            "the endpoint stays up; `llmdeploy logs` and report.html tell more, `llmdeploy down` stops it",
        )


def _write(results: list[GateResult], folder: Path) -> None:
    from llmdeploy.gates.files import write_results

    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    write_results(folder, results)


def _digest_of(workload: dict[str, Any], settings: dict[str, Any], golden: Path | None) -> str:
    """Twelve hex digits over all that the gates judge by: other bounds or prompts mean another test."""
    text = json.dumps([workload, settings], sort_keys=True).encode() + (golden.read_bytes() if golden else b"")
    return hashlib.sha256(text).hexdigest()[:12]


def _ago(deployment: Deployment, then: float) -> str:
    seconds = max(0, deployment.environment.clock.now() - then)
    if seconds < 120:
        return f"{seconds:.0f} s ago"
    return time.strftime("at %Y-%m-%d %H:%M", time.localtime(then))
