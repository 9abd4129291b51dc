"""Is it fast enough? A closed loop at the wanted concurrency, then an open loop with Poisson arrivals.

Both loops are checked against the same bounds. Coordinated omission: the open loop counts from the scheduled arrival;
the closed loop's TTFT and e2e are corrected in the manner of HdrHistogram (`corrected` in load_figures.py).
The times of a gate: warm-up at most three times `deadline_s`, each loop at most `seconds` + `drain_s`.
"""

from __future__ import annotations

import asyncio
import random
import ssl
from dataclasses import dataclass
from time import perf_counter
from typing import Any

from llmdeploy.adapters.openai_client import ChatRequest, OpenAIClient, Outcome
from llmdeploy.endpoint import Endpoint
from llmdeploy.gates.load_figures import Bounds, failures, loop_checks, loop_figures
from llmdeploy.gates.loops import LoopRun, closed_loop, open_loop, poisson_arrivals
from llmdeploy.gates.prompts import WORDS, PromptSize, prompt
from llmdeploy.gates.result import Check, GateResult

__all__ = ["Bounds", "Workload", "run_load"]

OPEN_SHARE = 0.6  # of the closed loop's request rate: busy, and short of the queue that grows without end
CONTEXT_MARGIN = 0.9  # of the context is used: prompts are sized by their words and may come out longer
WARM_UP_AT_ONCE = 8
CALIBRATION_WORDS = (1, len(WORDS))  # the second has every word once, so it shows their mean


@dataclass(frozen=True)
class Workload:
    """What to send. `prompt_tokens` and `output_tokens` are per request, cut so that both fit into `context`.

    `seconds` is how long each loop sends, `drain_s` how long its last requests may then take, `deadline_s` how long
    any one request may take. `rate` (requests/s of the open loop) is by default 60 % of what the closed loop reached.
    `fixed_length` asks for answers of exactly `output_tokens` (`ignore_eos`, which vLLM and llama.cpp know).
    """

    concurrency: int
    prompt_tokens: int
    output_tokens: int
    context: int
    seconds: float = 2.0
    rate: float | None = None
    drain_s: float = 10.0
    deadline_s: float = 30.0
    fixed_length: bool = True
    seed: int = 0

    @property
    def output(self) -> int:
        """Output tokens asked for: at most half of the context."""
        return max(1, min(self.output_tokens, self.context // 2))

    @property
    def input(self) -> int:
        """Prompt tokens aimed at: at most what the output leaves of the context."""
        return max(1, min(self.prompt_tokens, int(CONTEXT_MARGIN * self.context) - self.output))


async def run_load(
    endpoint: Endpoint, workload: Workload, bounds: Bounds, *, tls: ssl.SSLContext | None = None
) -> GateResult:
    """Warm-up, closed loop, open loop. `data` holds the figures of each (`loop_figures`) under `closed` and `open`.

    Where the warm-up gets no answer at all, or the closed loop none, the gate ends there and says so in a check.
    """
    started = perf_counter()
    load = Load(OpenAIClient(endpoint, tls=tls), workload)
    warm_up = await load.warm_up()
    checks, data = [warm_up], load.data
    if warm_up.passed:
        closed = await closed_loop(load.ask, workload.concurrency, workload.seconds, workload.drain_s)
        data["closed"] = loop_figures(closed, bounds)
        checks += loop_checks("closed", data["closed"], bounds)
        if rate := workload.rate or OPEN_SHARE * request_rate(closed, workload.concurrency):
            data["rate"] = round(rate, 3)
            arrivals = poisson_arrivals(rate, workload.seconds, random.Random(workload.seed))  # noqa: S311
            data["open"] = loop_figures(await open_loop(load.ask, arrivals, workload.drain_s), bounds)
            checks += loop_checks("open", data["open"], bounds)
        else:
            reason = "the closed loop finished nothing, so there is no rate for it"
            checks.append(Check("open loop", False, "not run", "run", reason))
    return GateResult("load", tuple(checks), perf_counter() - started, data)


def request_rate(closed: LoopRun, concurrency: int) -> float:
    """Requests per second that the closed loop kept up: concurrency / mean request time (Little's law); 0 for none."""
    busy = sum(one.e2e for one in closed.finished)
    return concurrency * len(closed.finished) / busy if busy else 0.0


class Load:
    """Makes the requests of one run; `data` collects what is known about them."""

    def __init__(self, client: OpenAIClient, workload: Workload) -> None:
        self._client = client
        self._workload = workload
        self._random = random.Random(workload.seed)  # noqa: S311 - varied and repeatable, not secret
        self._words = 1
        self.data: dict[str, Any] = {"concurrency": workload.concurrency, "seconds": workload.seconds}

    async def ask(self, outcome: Outcome) -> Outcome:
        """One request of the workload, told in `outcome`."""
        return await self._ask(self._words, outcome)

    async def warm_up(self) -> Check:
        """Two short requests that show how many tokens a word is, then full ones at once; none enters the figures."""
        started = perf_counter()
        outcomes: list[Outcome] = []
        small = [max(1, min(words, self._workload.context // 8)) for words in CALIBRATION_WORDS]
        for words in small:
            outcomes.append(await self._ask(words, Outcome(scheduled=perf_counter())))
            if not outcomes[-1].ok:
                break
        else:
            first, second = zip(small, (one.prompt_tokens for one in outcomes), strict=True)
            size = PromptSize.measured(first, second)
            self._words = size.words(self._workload.input)
            self.data |= {"tokens_per_word": round(size.per_word, 2), "words": self._words}
            at_once = min(self._workload.concurrency, WARM_UP_AT_ONCE)
            warm = (self.ask(Outcome(scheduled=perf_counter())) for _ in range(at_once))
            outcomes += await asyncio.gather(*warm)
        return self._warmed(outcomes, perf_counter() - started)

    def _warmed(self, outcomes: list[Outcome], seconds: float) -> Check:
        failed = [one for one in outcomes if not one.ok]
        self.data |= {
            "warm_up_requests": len(outcomes),
            "prompt_tokens": self._workload.input,
            "output_tokens": self._workload.output,
            "fixed_length": self._workload.fixed_length,
        }
        said = "; ".join(f"{found['count']} x {found['example']}" for found in failures(failed).values())
        value = f"{len(failed)} of {len(outcomes)} requests failed"
        return Check("warm-up", not failed, value, "0 failed", said, seconds)

    async def _ask(self, words: int, outcome: Outcome) -> Outcome:
        workload = self._workload
        request = ChatRequest.ask(
            prompt(words, self._random),
            max_tokens=workload.output,
            # llama.cpp forbids the end token then; vLLM samples it on and streams empty chunks, unless min_tokens asks.
            extra={"ignore_eos": True, "min_tokens": workload.output} if workload.fixed_length else {},
        )
        return await self._client.stream(request, deadline_s=workload.deadline_s, into=outcome)
