"""Reads a streamed chat answer: server-sent events whose data is one JSON chunk each, closed by `[DONE]`."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from llmdeploy.adapters.openai_client.failure import LONGEST_MESSAGE, RequestError, message_of
from llmdeploy.adapters.openai_client.outcome import Outcome

DATA = b"data:"
DONE = b"[DONE]"


class ChunkReader:
    """Fills an `Outcome` from the pieces of a stream, cut anywhere. `done` is true once `[DONE]` came."""

    def __init__(self, outcome: Outcome, on_text: Callable[[str], None] | None = None) -> None:
        self._outcome = outcome
        self._on_text = on_text
        self._rest = bytearray()
        self._texts: list[str] = []
        self._reasonings: list[str] = []
        self.done = False

    def feed(self, piece: bytes, received: float) -> None:
        """Takes the next bytes, which arrived at `received`."""
        searched = len(self._rest)  # an event that comes byte by byte is searched once, not once a byte
        self._rest += piece
        end = self._rest.rfind(b"\n", searched)
        if end < 0:
            return
        lines = bytes(self._rest[:end])
        del self._rest[: end + 1]
        for line in lines.split(b"\n"):
            if line.startswith(DATA) and not self.done:
                self._data(line[len(DATA) :].strip(), received)

    def finish(self) -> None:
        """Settles the texts; an answer without both its `[DONE]` and a finish reason is truncated."""
        outcome = self._outcome
        outcome.text, outcome.reasoning = "".join(self._texts), "".join(self._reasonings)
        if not outcome.error and not (self.done and outcome.finish_reason):
            outcome.error = "truncated"

    def _data(self, data: bytes, received: float) -> None:
        if data == DONE:
            self.done = True
            return
        try:
            chunk = json.loads(data)
        except (ValueError, RecursionError) as error:
            raise RequestError("protocol: an event of the stream is not JSON") from error
        if not isinstance(chunk, dict):
            raise RequestError("protocol: an event of the stream is not an object")
        if chunk.get("error"):
            raise RequestError(f"stream error: {message_of(chunk)[:LONGEST_MESSAGE]}")
        take_usage(self._outcome, chunk)
        for choice in chunk.get("choices") or ():
            self._choice(choice, received)

    def _choice(self, choice: dict[str, Any], received: float) -> None:
        delta = choice.get("delta") or {}
        text, reasoning = text_of(delta), reasoning_of(delta)
        if text or reasoning or delta.get("tool_calls"):
            self._outcome.tokens.append(received)
        if text:
            self._texts.append(text)
            if self._on_text:
                self._on_text(text)
        if reasoning:
            self._reasonings.append(reasoning)
        if choice.get("finish_reason"):
            self._outcome.finish_reason = choice["finish_reason"]


def text_of(message: dict[str, Any]) -> str:
    return message.get("content") or ""


def reasoning_of(message: dict[str, Any]) -> str:
    """What a reasoning model thinks aloud: `reasoning_content` in llama.cpp and older vLLM, `reasoning` in
    newer.
    """
    return message.get("reasoning_content") or message.get("reasoning") or ""


def take_usage(outcome: Outcome, answer: dict[str, Any]) -> None:
    if usage := answer.get("usage"):
        outcome.prompt_tokens = usage.get("prompt_tokens") or 0
        outcome.completion_tokens = usage.get("completion_tokens") or 0
