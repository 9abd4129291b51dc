"""Clients that ask all the time, to see what an event costs them."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from http import HTTPStatus

from llmdeploy.adapters.openai_client import ChatRequest, OpenAIClient, Outcome
from llmdeploy.endpoint import Endpoint

QUESTIONS = ("What is the capital of France?", "What is an LLM?", "What day is after Friday?", "7*8")
DEADLINE = 60.0


@dataclass(frozen=True)
class Patience:
    """A client that asks once more: seconds it gives an answer, and seconds until the second try."""

    deadline: float
    pause: float


@dataclass
class Traffic:
    """What came of the requests. `unserved` failed before an answer began; `cut` broke off after its first byte.

    Of patient clients only the second try counts; `failed` has (error, seconds) of each first try that failed.
    """

    served: int = 0
    unserved: list[str] = field(default_factory=list)
    cut: int = 0
    slowest: float = 0.0
    failed: list[tuple[str, float]] = field(default_factory=list)

    def see(self, outcome: Outcome, seconds: float) -> None:
        self.slowest = max(self.slowest, seconds)
        if not outcome.error:
            self.served += 1
        elif outcome.status != HTTPStatus.OK:
            self.unserved.append(outcome.error)
        else:
            self.cut += 1


@contextmanager
def traffic(endpoint: Endpoint, clients: int = 8, patience: Patience | None = None) -> Iterator[Traffic]:
    """So many clients, each with one streamed request after the other, for the time of the block."""
    seen, stop = Traffic(), threading.Event()
    with ThreadPoolExecutor(1) as room:
        asking = room.submit(lambda: asyncio.run(_clients(endpoint, clients, seen, stop, patience)))
        try:
            until = time.monotonic() + DEADLINE
            while seen.served < clients and time.monotonic() < until:
                time.sleep(0.05)
            yield seen
        finally:
            stop.set()
        asking.result()


async def _clients(
    endpoint: Endpoint, number: int, seen: Traffic, stop: threading.Event, patience: Patience | None
) -> None:
    client = OpenAIClient(endpoint)

    async def ask(index: int) -> tuple[Outcome, float]:
        question = {"role": "user", "content": QUESTIONS[index % len(QUESTIONS)]}
        begun = time.monotonic()
        deadline = patience.deadline if patience else DEADLINE
        outcome = await client.stream(ChatRequest((question,), max_tokens=40), deadline_s=deadline)
        return outcome, time.monotonic() - begun

    async def one(index: int) -> None:
        while not stop.is_set():
            outcome, seconds = await ask(index)
            if outcome.error and patience:
                seen.failed.append((outcome.error, seconds))
                await asyncio.sleep(patience.pause)
                outcome, seconds = await ask(index)
            seen.see(outcome, seconds)
            index += 1

    await asyncio.gather(*(one(index) for index in range(number)))
