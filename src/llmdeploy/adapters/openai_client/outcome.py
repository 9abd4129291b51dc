"""What one chat request came to, with the times that the latency figures are made of."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import pairwise

from llmdeploy.adapters.openai_client.failure import category_of


@dataclass
class Outcome:
    """One chat request. Times are seconds of `time.perf_counter`; 0 is "never came".

    `scheduled` is when the request should have been sent (the arrival, in an open loop) and `started` when it
    was begun; every latency counts from `scheduled`, so that a wait in front of the client is not left out.
    `tokens` are the arrivals of the chunks that carried text, reasoning or a tool call: engines send one
    token a chunk, except where they decode several at once. An answer of no tokens has its first token at its
    end. `prompt_tokens` and `completion_tokens` come from `usage` alone, and are 0 where the server sent
    none. `error` is empty or a reason of `RequestError`.
    """

    scheduled: float
    started: float = 0.0
    connected: float = 0.0
    sent: float = 0.0
    end: float = 0.0
    tokens: list[float] = field(default_factory=list)
    text: str = ""
    reasoning: str = ""
    prompt_tokens: int = 0
    completion_tokens: int = 0
    finish_reason: str = ""
    status: int = 0
    error: str = ""

    @property
    def ok(self) -> bool:
        return not self.error

    @property
    def category(self) -> str:
        return category_of(self.error)

    @property
    def first_token(self) -> float:
        return self.tokens[0] if self.tokens else self.end

    @property
    def ttft(self) -> float:
        """Time to first token, seconds from the scheduled time."""
        return self.first_token - self.scheduled

    @property
    def itls(self) -> list[float]:
        """Inter-token latencies, seconds: the gaps between the chunks of one answer."""
        return [after - before for before, after in pairwise(self.tokens)]

    @property
    def mean_itl(self) -> float:
        """Seconds; 0 for an answer of one chunk."""
        return (self.tokens[-1] - self.tokens[0]) / (len(self.tokens) - 1) if len(self.tokens) > 1 else 0.0

    @property
    def tpot(self) -> float | None:
        """Time per output token after the first, seconds, by `usage`; None where that cannot be said."""
        if self.completion_tokens < 2 or not self.tokens:
            return None
        return (self.tokens[-1] - self.tokens[0]) / (self.completion_tokens - 1)

    @property
    def e2e(self) -> float:
        """Seconds from the scheduled time to the end of the answer."""
        return self.end - self.scheduled
