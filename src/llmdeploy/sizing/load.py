"""A replica under load: time to first token, time between tokens, tokens a second. Times in seconds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from llmdeploy.sizing.roofline import Speed

OVERLAP: Final = 0.8  # share of a prefill that decoding requests wait for; the rest shares a step with them


@dataclass(frozen=True, slots=True)
class Load:
    """`concurrency` requests in progress at any time, each of `prompt` tokens in and `output` tokens out."""

    concurrency: float
    prompt: int
    output: int


@dataclass(frozen=True, slots=True)
class Served:
    """What one replica does under a load. `batch` requests are computed together, `seconds` is one whole request."""

    batch: float
    ttft: float
    itl: float
    seconds: float
    tokens_per_second: float

    @property
    def requests_per_second(self) -> float:
        return self.batch / self.seconds


def serve(speed: Speed, load: Load, most_at_once: float, together: bool = False) -> Served:
    """A closed loop with continuous batching and chunked prefill.

    Of the `concurrency` requests at most `most_at_once` are in the batch, the others wait. While one request decodes
    its `output` tokens, every other one of the batch comes in with its prompt once, which holds the decoding up:
    seconds = output x step(batch) + batch x prefill x OVERLAP (a request alone waits for its own prefill whole).
    The first token waits for the prefills that happen to be there; `together`, for half of all of them, as in a
    benchmark that begins with every request at once.
    """
    batch = max(1.0, min(load.concurrency, most_at_once))
    step = speed.decode_seconds(batch, load.prompt + load.output / 2)
    prefill = speed.prefill_seconds(load.prompt)
    seconds = load.output * step + prefill + (batch - 1) * prefill * OVERLAP
    ahead = (batch - 1) / 2 if together else _ahead(batch * prefill / seconds)
    ttft = prefill + (prefill * ahead + step / 2 if batch > 1 else 0.0)
    queued = max(0.0, load.concurrency - batch) * seconds / batch
    itl = (seconds - prefill) / load.output
    return Served(batch, ttft + queued, itl, seconds, batch * load.output / seconds)


def _ahead(busy: float) -> float:
    """Prefills that a new request finds waiting where they take that share of the time (M/D/1)."""
    share = min(0.95, busy)
    return share / (2 * (1 - share))
