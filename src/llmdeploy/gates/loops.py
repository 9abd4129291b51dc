"""The two ways to put load on an endpoint.

A *closed* loop keeps a number of requests in flight: each worker sends the next when the last is answered. It measures
capacity, and hides stalls: while an answer is late, nothing is sent that could be late too (coordinated omission).
An *open* loop sends at times fixed beforehand, like users who do not know of each other, and counts every latency from
that time: a stall makes all that arrive during it late, and all of them are seen.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable, Coroutine, Iterable
from dataclasses import dataclass, field
from time import perf_counter

from llmdeploy.adapters.openai_client import Outcome

Ask = Callable[[Outcome], Awaitable[Outcome]]

MOST_IN_FLIGHT = 256  # connections of an open loop; an arrival over it waits for one, on its own clock
MOST_REQUESTS = 50_000  # of one loop
FAILURES_IN_A_ROW = 20  # after which a loop gives up: the endpoint is gone, and hammering it proves no more


@dataclass
class LoopRun:
    """What one loop saw. `unfinished` were in flight at the end and cancelled: neither successes nor failures.

    `started` and `ended` are `perf_counter`; `ended` is when the last answer came or the rest was cancelled.
    """

    kind: str
    started: float
    ended: float = 0.0
    finished: list[Outcome] = field(default_factory=list)
    failed: list[Outcome] = field(default_factory=list)
    unfinished: list[Outcome] = field(default_factory=list)
    gave_up: bool = False
    _in_flight: dict[int, Outcome] = field(default_factory=dict)
    _failures_in_a_row: int = 0

    @property
    def seconds(self) -> float:
        return self.ended - self.started

    @property
    def begun(self) -> int:
        return len(self.finished) + len(self.failed) + len(self._in_flight)

    async def one(self, ask: Ask, scheduled: float) -> None:
        """One request, booked under what came of it."""
        outcome = Outcome(scheduled=scheduled)
        self._in_flight[id(outcome)] = outcome
        await ask(outcome)  # cancelled here, it stays in flight
        del self._in_flight[id(outcome)]
        (self.finished if outcome.ok else self.failed).append(outcome)
        self._failures_in_a_row = 0 if outcome.ok else self._failures_in_a_row + 1
        self.gave_up = self.gave_up or self._failures_in_a_row >= FAILURES_IN_A_ROW

    async def settle(self, tasks: Iterable[asyncio.Task[None]], patience_s: float) -> None:
        """Waits for the tasks, at most so long, and cancels the rest."""
        _, late = await asyncio.wait(tasks, timeout=patience_s)
        self.ended = perf_counter()
        for task in late:
            task.cancel()
        await asyncio.gather(*tasks)  # raises what is a bug of ours
        self.unfinished = list(self._in_flight.values())


async def closed_loop(ask: Ask, concurrency: int, seconds: float, drain_s: float) -> LoopRun:
    """`concurrency` workers send for `seconds`; what is then in flight has `drain_s` more to finish."""
    run = LoopRun("closed", started=perf_counter())
    end = run.started + seconds

    async def worker() -> None:
        while perf_counter() < end and not run.gave_up and run.begun < MOST_REQUESTS:
            await run.one(ask, perf_counter())

    tasks = [asyncio.create_task(_cancellable(worker())) for _ in range(concurrency)]
    await run.settle(tasks, seconds + drain_s)
    return run


async def open_loop(ask: Ask, arrivals: Iterable[float], drain_s: float) -> LoopRun:
    """Sends at the `arrivals` (seconds from the start), then gives what is in flight `drain_s` more to finish."""
    run = LoopRun("open", started=perf_counter())
    free = asyncio.Semaphore(MOST_IN_FLIGHT)

    async def arrival(scheduled: float) -> None:
        async def in_turn(outcome: Outcome) -> Outcome:
            async with free:
                return await ask(outcome)

        await run.one(in_turn, scheduled)

    tasks = []
    for after in arrivals:
        scheduled = run.started + after
        await asyncio.sleep(max(0.0, scheduled - perf_counter()))
        if run.gave_up:
            break
        tasks.append(asyncio.create_task(_cancellable(arrival(scheduled))))
    await run.settle(tasks, drain_s)
    return run


def poisson_arrivals(rate: float, seconds: float, random_source: random.Random) -> list[float]:
    """Arrival times in seconds from 0, the first at 0: gaps are exponential with a mean of `1 / rate` seconds."""
    arrivals: list[float] = []
    now = 0.0
    while now < seconds and len(arrivals) < MOST_REQUESTS:
        arrivals.append(now)
        now += random_source.expovariate(rate)
    return arrivals


async def _cancellable(work: Coroutine[None, None, None]) -> None:
    """Ends quietly when it is cancelled, so that `settle` can tell our bugs from our own cancelling."""
    try:
        await work
    except asyncio.CancelledError:
        return
