"""The calls: any request, a chat answer in one piece, a chat answer as a stream."""

from __future__ import annotations

import asyncio
import json
import ssl
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass, field
from time import perf_counter
from typing import Any

from llmdeploy.adapters.http import tls_of
from llmdeploy.adapters.openai_client.exchange import Exchange, Origin, connected
from llmdeploy.adapters.openai_client.failure import RequestError, error_message, failures_named, http_failure
from llmdeploy.adapters.openai_client.outcome import Outcome
from llmdeploy.adapters.openai_client.stream import ChunkReader, reasoning_of, take_usage, text_of
from llmdeploy.endpoint import Endpoint
from llmdeploy.secret import Secret

CHAT_PATH = "/v1/chat/completions"
MODELS_PATH = "/v1/models"


@dataclass(frozen=True)
class Answer:
    """An HTTP answer, read whole. `seconds` is from the start of the connect to the last byte."""

    status: int
    body: bytes
    seconds: float

    @property
    def error_message(self) -> str:
        """The server's own error message on one line; empty where it gave none."""
        return error_message(self.body)

    def json(self) -> Any:
        try:
            return json.loads(self.body)
        except (ValueError, RecursionError) as error:
            raise RequestError("protocol: the answer is not JSON") from error


@dataclass(frozen=True)
class ChatRequest:
    """What to ask. `extra` is put into the body as it is (`{"ignore_eos": True}`)."""

    messages: tuple[Mapping[str, str], ...]
    max_tokens: int | None = None
    temperature: float = 0.0
    seed: int | None = 0
    extra: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def ask(cls, prompt: str, **options: Any) -> ChatRequest:
        """A request of one user message."""
        return cls(({"role": "user", "content": prompt},), **options)

    def body(self, model: str, *, stream: bool) -> bytes:
        fields: dict[str, Any] = {
            "model": model,
            "messages": list(self.messages),
            "temperature": self.temperature,
        }
        if self.max_tokens is not None:
            fields["max_tokens"] = self.max_tokens
        if self.seed is not None:
            fields["seed"] = self.seed
        if stream:
            fields |= {"stream": True, "stream_options": {"include_usage": True}}
        return json.dumps({**fields, **self.extra}).encode()


class OpenAIClient:
    """Talks to one endpoint. Holds no connection: nothing to close, and as many calls at once as one likes.

    `tls` says which authorities an `https` endpoint is checked against. `key` replaces the endpoint's;
    `anonymous` sends none. Every call takes `deadline_s`, the seconds it may take in all, connecting
    included.
    """

    def __init__(
        self,
        endpoint: Endpoint,
        *,
        tls: ssl.SSLContext | None = None,
        key: Secret | None = None,
        anonymous: bool = False,
    ) -> None:
        self.endpoint = endpoint
        self._origin = Origin.of(endpoint.url, tls or tls_of(endpoint))
        self._key = None if anonymous else (key or endpoint.key)

    async def get(self, path: str, *, deadline_s: float) -> Answer:
        """GET. Any status is an answer; raises `RequestError` where there is none."""
        return await self._whole("GET", path, b"", deadline_s)

    async def post(self, path: str, body: bytes, *, deadline_s: float) -> Answer:
        """POST of JSON bytes, sent as they are. Any status is an answer; raises `RequestError` where there is
        none.
        """
        return await self._whole("POST", path, body, deadline_s)

    async def chat(self, request: ChatRequest, *, deadline_s: float) -> Outcome:
        """One answer in one piece, so without times of tokens. Never raises for what the server does: see
        `error`.
        """
        outcome = Outcome(scheduled=perf_counter())
        outcome.started = outcome.scheduled
        body = request.body(self.endpoint.model, stream=False)
        try:
            answer = await self._whole("POST", CHAT_PATH, body, deadline_s)
            outcome.status = answer.status
            if answer.status != 200:
                raise http_failure(answer.status, answer.body)
            _take_answer(outcome, answer.json())
        except RequestError as failure:
            outcome.error = failure.reason
        outcome.end = perf_counter()
        return outcome

    async def stream(
        self,
        request: ChatRequest,
        *,
        deadline_s: float,
        scheduled: float | None = None,
        on_text: Callable[[str], None] | None = None,
        into: Outcome | None = None,
    ) -> Outcome:
        """One answer as a stream. Never raises for what the server does: see `error`.

        `scheduled` (`perf_counter`) is when it should have been sent; now, if it is not given. `on_text` gets
        every piece of text as it comes. `into` is filled as things happen, for a caller that may cancel the
        call and still wants to know how far it came.
        """
        started = perf_counter()
        outcome = into or Outcome(scheduled=started if scheduled is None else scheduled)
        outcome.started = started
        chunks = ChunkReader(outcome, on_text)
        try:
            await self._stream(request.body(self.endpoint.model, stream=True), outcome, chunks, deadline_s)
        except RequestError as failure:
            outcome.error = failure.reason
        outcome.end = outcome.end or perf_counter()
        chunks.finish()
        return outcome

    async def _stream(self, body: bytes, outcome: Outcome, chunks: ChunkReader, deadline_s: float) -> None:
        async with self._exchange("POST", CHAT_PATH, body, deadline_s) as exchange:
            outcome.connected = outcome.sent = perf_counter()
            outcome.status = await exchange.status()
            async with aclosing(exchange.body()) as pieces:
                if outcome.status != 200:
                    raise http_failure(outcome.status, b"".join([piece async for piece in pieces]))
                async for piece in pieces:
                    chunks.feed(piece, exchange.received)
                    if chunks.done:
                        outcome.end = exchange.received
                        return

    async def _whole(self, method: str, path: str, body: bytes, deadline_s: float) -> Answer:
        started = perf_counter()
        async with self._exchange(method, path, body, deadline_s) as exchange:
            status = await exchange.status()
            async with aclosing(exchange.body()) as pieces:
                whole = b"".join([piece async for piece in pieces])
        return Answer(status, whole, perf_counter() - started)

    @asynccontextmanager
    async def _exchange(self, method: str, path: str, body: bytes, deadline_s: float) -> AsyncIterator[Exchange]:
        """A request that has just been sent; leaves as `RequestError` when the deadline passes inside the
        block.
        """
        with failures_named():
            async with asyncio.timeout(deadline_s), connected(self._origin) as exchange:
                exchange.send(method, self._origin.prefix + path, self._headers(body), body)
                yield exchange

    def _headers(self, body: bytes) -> list[tuple[str, str]]:
        headers = [("Host", self._origin.authority), ("Connection", "close"), ("User-Agent", "llmdeploy")]
        if body:
            headers += [("Content-Type", "application/json"), ("Content-Length", str(len(body)))]
        if self._key is not None:
            headers.append(("Authorization", f"Bearer {self._key.reveal()}"))
        return headers


def _take_answer(outcome: Outcome, answer: Any) -> None:
    try:
        choice = answer["choices"][0]
        outcome.text, outcome.reasoning = text_of(choice["message"]), reasoning_of(choice["message"])
        outcome.finish_reason = str(choice["finish_reason"] or "")
        take_usage(outcome, answer)
    except (KeyError, IndexError, TypeError, AttributeError) as error:
        raise RequestError("protocol: the answer is not a chat completion") from error
