"""Whether an address answers, looked at all the time: how long an event takes it away."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import pairwise

from llmdeploy.adapters.openai_client import OpenAIClient, RequestError
from llmdeploy.endpoint import Endpoint

LOOK_EVERY = 0.1
LOOK_SECONDS = 0.9  # below TCP's first repetition after 1 s, which would make an answer of a look that had none


@dataclass
class Watch:
    """When an address answered: the beginnings of health checks that succeeded, in seconds of `monotonic`."""

    answered: list[float] = field(default_factory=list)

    def away(self) -> float:
        """The longest time without an answer, in seconds."""
        seen = sorted(self.answered)
        return max((later - earlier for earlier, later in pairwise(seen)), default=float("inf"))


@contextmanager
def watched(endpoint: Endpoint) -> Iterator[Watch]:
    """Ask for the health of an address ten times a second, for the time of the block."""
    seen, stop = Watch(), threading.Event()
    with ThreadPoolExecutor(1) as room:
        looking = room.submit(lambda: asyncio.run(_looks(endpoint, seen, stop)))
        try:
            yield seen
        finally:
            stop.set()
        looking.result()


async def _looks(endpoint: Endpoint, seen: Watch, stop: threading.Event) -> None:
    client = OpenAIClient(endpoint, anonymous=True)

    async def look() -> None:
        begun = time.monotonic()
        try:
            answer = await client.get(endpoint.health_path, deadline_s=LOOK_SECONDS)
        except RequestError:
            return
        if answer.status == 200:
            seen.answered.append(begun)

    async with asyncio.TaskGroup() as looks:
        while not stop.is_set():
            looks.create_task(look())
            await asyncio.sleep(LOOK_EVERY)
