"""Testing: gates against the deployed endpoint, and their results as files."""

from __future__ import annotations

import hashlib
import json
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from llmdeploy.deployment import Deployment
from llmdeploy.endpoint import Endpoint
from llmdeploy.errors import GateError, MissingError
from llmdeploy.journal import last_passed_test
from llmdeploy.plan import Plan
from llmdeploy.run import Recorder, Run
from llmdeploy.targets import Target

if TYPE_CHECKING:
    from llmdeploy.gates.result import GateResult


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
    import asyncio

    from llmdeploy.gates import golden as golden_gate
    from llmdeploy.gates import load as load_gate
    from llmdeploy.gates import smoke as smoke_gate

    results: list[GateResult] = []

    def run_gate(name: str, gate: Any) -> None:
        with recorder.entry(name) as entry:
            result = asyncio.run(gate)
            results.append(result)
            entry.detail = _summary(result)
            if not result.passed:
                entry.status = "failed"

    run_gate("smoke", smoke_gate.run_smoke(endpoint, context=plan.context))
    if golden:
        cases = golden_gate.load_cases(golden)
        run_gate("golden", golden_gate.run_golden(endpoint, cases, plan.spec["test"]["min_accuracy"]))
    else:
        recorder.note("golden", "no golden prompts", "skipped", "name a file in test.golden to judge the answers")
    if not results[0].passed:
        recorder.note("load", "not measured: the smoke gate failed", "skipped")
        return results
    run_gate("load", load_gate.run_load(endpoint, load_gate.load_settings(plan)))
    return results


def _summary(result: GateResult) -> str:
    if result.missed:
        return "; ".join(f"{check.name} {check.value}, bound {check.bound}" for check in result.missed)
    return str(result.data.get("summary") or f"{len(result.checks)} checks passed")


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
