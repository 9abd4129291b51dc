"""Asks golden prompts in turn and judges the answers."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from pathlib import Path

from llmdeploy.adapters.openai_client import ChatRequest, OpenAIClient, Outcome
from llmdeploy.errors import SpecError
from llmdeploy.gates.cases import Case, Expect, load_cases
from llmdeploy.gates.golden import problems_of
from llmdeploy.gates.patterns import Patterns
from llmdeploy.prober.records import Probe

DEADLINE_S = 30.0
PER_ROUND = 4
# A round ends early once it has taken this part of the pause between two rounds, so that on a slow engine the prober
# holds one slot at most a tenth of the time (plus the last answer).
SHARE_OF_INTERVAL = 0.1
FIXED = Case("fixed prompt", ({"role": "user", "content": "Say hello."},), Expect(), max_tokens=16)


class Asker:
    """Goes through the cases in turn, a few per round, rather than all at once.

    The load on the engine is then the same for a golden file of five prompts and of five hundred, and every round still
    measures TTFT and ITL. A full pass takes ceil(cases / PER_ROUND) rounds where the engine is fast; `accuracy` is the
    weighted share of right answers in the last one. A request that failed says nothing about correctness and is left
    out of it; it counts among the outcomes. Without a golden file one fixed prompt is asked and not judged.

    The file is read at the first round and not at the start, which it would double; one that cannot be read is a failed
    probe in every round until it can.
    """

    def __init__(self, golden: Path | None, interval_s: float) -> None:
        self.accuracy: float | None = None
        self._golden = golden
        self._judged = golden is not None
        self._cases: tuple[Case, ...] = () if golden else (FIXED,)
        self._budget_s = interval_s * SHARE_OF_INTERVAL
        self._next = 0
        self._right = self._answered = 0.0

    async def round(self, client: OpenAIClient) -> AsyncIterator[Probe]:
        """The next few cases, one after the other."""
        if not self._cases and self._golden:
            try:
                self._cases = await asyncio.to_thread(load_cases, self._golden)
            except SpecError as error:
                yield Probe(time.time(), "golden file", "failed", detail=str(error))
                return
        begun = time.monotonic()
        async with Patterns() as patterns:
            for _ in range(min(PER_ROUND, len(self._cases))):
                probe = await self._ask(client, self._cases[self._next], patterns)
                yield probe
                self._next = (self._next + 1) % len(self._cases)
                if probe.outcome == "failed" or time.monotonic() - begun > self._budget_s:
                    return

    async def _ask(self, client: OpenAIClient, case: Case, patterns: Patterns) -> Probe:
        at = time.time()
        outcome = await client.stream(ChatRequest(case.messages, max_tokens=case.max_tokens), deadline_s=DEADLINE_S)
        if outcome.error:
            self._count(case, None)
            return Probe(at, case.name, "failed", accuracy=self.accuracy, detail=outcome.error)
        problems = await problems_of(case.expect, outcome, patterns) if self._judged else []
        self._count(case, not problems)
        word = ("wrong" if problems else "right") if self._judged else "unjudged"
        return _probe(at, case, outcome, word, self.accuracy, "; ".join(problems))

    def _count(self, case: Case, right: bool | None) -> None:
        if right is not None:
            self._answered += case.weight
            self._right += case.weight if right else 0.0
        if self._next == len(self._cases) - 1 and self._judged:
            if self._answered:
                self.accuracy = self._right / self._answered
            self._right = self._answered = 0.0


def _probe(at: float, case: Case, outcome: Outcome, word: str, accuracy: float | None, detail: str) -> Probe:
    return Probe(at, case.name, word, outcome.ttft, outcome.e2e, tuple(outcome.itls), accuracy, detail)  # type: ignore[arg-type]
