"""Does it answer rightly? Every case is asked once, greedily, and the weighted share that passes is the score."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Sequence
from dataclasses import dataclass
from time import perf_counter
from typing import Any

from llmdeploy.adapters.openai_client import ChatRequest, OpenAIClient, Outcome
from llmdeploy.endpoint import Endpoint
from llmdeploy.gates.cases import Case, Expect, load_cases
from llmdeploy.gates.patterns import Patterns
from llmdeploy.gates.result import Check, GateResult

__all__ = ["Case", "Expect", "load_cases", "run_golden"]

CONCURRENCY = 4
ANSWER_KEPT = 1000  # characters of an answer in the result
NAMED = 5  # failed cases that the check's detail names


@dataclass(frozen=True)
class CaseOutcome:
    """How one case went; `problems` is empty when it passed."""

    case: Case
    outcome: Outcome
    problems: tuple[str, ...]

    def as_json(self) -> dict[str, Any]:
        return {
            "name": self.case.name,
            "passed": not self.problems,
            "weight": self.case.weight,
            "seconds": round(self.outcome.e2e, 4),
            "answer": self.outcome.text[:ANSWER_KEPT],
            "problems": list(self.problems),
        }


async def run_golden(
    endpoint: Endpoint,
    cases: Sequence[Case],
    min_accuracy: float,
    *,
    deadline_s: float = 60.0,
    concurrency: int = CONCURRENCY,
    tls: ssl.SSLContext | None = None,
) -> GateResult:
    """Asks all cases, `concurrency` at a time, in `deadline_s` seconds in all, at temperature 0 with seed 0.

    `min_accuracy` is a share from 0 to 1. The gate has one check, `accuracy`: a case that fails does not fail the gate
    while the score holds. How each case went is in `data["cases"]`. A request that fails is a case that failed.
    """
    started = perf_counter()
    client, free = OpenAIClient(endpoint, tls=tls), asyncio.Semaphore(concurrency)

    async def tried(case: Case) -> CaseOutcome:
        async with free:
            request = ChatRequest(case.messages, max_tokens=case.max_tokens)
            outcome = await client.chat(request, deadline_s=started + deadline_s - perf_counter())
        return CaseOutcome(case, outcome, tuple(await problems_of(case.expect, outcome, patterns)))

    async with Patterns() as patterns:
        found = await asyncio.gather(*map(tried, cases))
    return _result(found, min_accuracy, perf_counter() - started)


async def problems_of(expect: Expect, outcome: Outcome, patterns: Patterns) -> list[str]:
    """Everything in which an answer differs from what is expected of it."""
    if outcome.error:
        return [outcome.error]
    text, problems = outcome.text, []
    if expect.equals is not None and text.strip() != expect.equals.strip():
        problems.append(f"is not {expect.equals!r}")
    problems += [f"lacks {part!r}" for part in expect.contains if part not in text]
    problems += [f"has {part!r}" for part in expect.not_contains if part in text]
    if expect.regex is not None:
        problems.append(await patterns.wrong("regex", expect.regex, text))
    if expect.json_schema is not None:
        problems.append(await patterns.wrong("json_schema", expect.json_schema, text))
    if expect.max_latency_s is not None and outcome.e2e > expect.max_latency_s:
        problems.append(f"took {outcome.e2e:.3f} s, more than {expect.max_latency_s:g} s")
    return [problem for problem in problems if problem]


def _result(found: Sequence[CaseOutcome], min_accuracy: float, seconds: float) -> GateResult:
    passed = [one for one in found if not one.problems]
    failed = [one for one in found if one.problems]
    weight = sum(one.case.weight for one in found)
    accuracy = sum(one.case.weight for one in passed) / weight if weight else 0.0
    more = f" and {len(failed) - NAMED} more" if len(failed) > NAMED else ""
    check = Check(
        name="accuracy",
        passed=bool(found) and accuracy >= min_accuracy,
        value=f"{accuracy:.3f} ({len(passed)} of {len(found)} cases)",
        bound=f">= {min_accuracy:g}",
        detail="; ".join(f"{one.case.name}: {one.problems[0]}" for one in failed[:NAMED]) + more,
        seconds=seconds,
    )
    data = {"accuracy": round(accuracy, 4), "min_accuracy": min_accuracy, "cases": [one.as_json() for one in found]}
    return GateResult("golden", (check,), seconds, data)
