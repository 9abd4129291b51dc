"""Reads a streamed chat answer: server-sent events whose data is one JSON chunk each, closed by `[DONE]`."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, NamedTuple

from llmdeploy.adapters.openai_client.failure import RequestError, message_of, one_line
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
            raise RequestError(f"stream error: {one_line(message_of(chunk))}")
        try:
            take_usage(self._outcome, chunk)
            pieces = [_piece(choice) for choice in chunk.get("choices") or ()]
        except (AttributeError, TypeError) as error:
            raise RequestError("protocol: an event of the stream is not a chunk of a chat completion") from error
        for piece in pieces:
            self._take(piece, received)

    def _take(self, piece: _Piece, received: float) -> None:
        if piece.text or piece.reasoning or piece.calls_tool:
            self._outcome.tokens.append(received)
        if piece.text:
            self._texts.append(piece.text)
            if self._on_text:
                self._on_text(piece.text)
        if piece.reasoning:
            self._reasonings.append(piece.reasoning)
        if piece.finish_reason:
            self._outcome.finish_reason = piece.finish_reason


class _Piece(NamedTuple):
    text: str
    reasoning: str
    calls_tool: bool
    finish_reason: str


def _piece(choice: dict[str, Any]) -> _Piece:
    delta = choice.get("delta") or {}
    return _Piece(
        text_of(delta), reasoning_of(delta), bool(delta.get("tool_calls")), _text(choice.get("finish_reason"))
    )


def text_of(message: dict[str, Any]) -> str:
    """The text of a message or delta. Like the functions below, raises TypeError for what has another type."""
    return _text(message.get("content"))


def reasoning_of(message: dict[str, Any]) -> str:
    """What a reasoning model thinks aloud: `reasoning_content` in llama.cpp and older vLLM, `reasoning` in newer."""
    return _text(message.get("reasoning_content") or message.get("reasoning"))


def take_usage(outcome: Outcome, answer: dict[str, Any]) -> None:
    if usage := answer.get("usage"):
        counts = usage.get("prompt_tokens") or 0, usage.get("completion_tokens") or 0
        if not all(isinstance(count, int) for count in counts):
            raise TypeError("usage is not in whole numbers")
        outcome.prompt_tokens, outcome.completion_tokens = counts


def _text(value: Any) -> str:
    if value is None or isinstance(value, str):
        return value or ""
    raise TypeError("not a text")
