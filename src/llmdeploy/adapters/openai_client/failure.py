"""Why a request failed, in a few stable words."""

from __future__ import annotations

import json
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from llmdeploy.errors import StepError

LONGEST_MESSAGE = 300  # characters of a server's own words that are kept

HINTS = {
    "refused": "nothing listens there: is the engine running?",
    "timeout": "the engine is saturated or stuck: look at its log",
    "disconnected": "the engine closed the connection: look at its log",
    "truncated": "the engine or a proxy cut the answer: look at their logs",
    "tls": "give the authority that signed the server's certificate",
}


class RequestError(StepError):
    """One request that did not get its answer.

    `reason` is `refused`, `timeout`, `disconnected` (closed before an answer began), `truncated` (closed
    inside an answer), `unreachable: why`, `tls: why`, `protocol: why` (not HTTP, SSE or JSON), `stream error:
    message` or `http 500: message`; `category` is the part before the colon.
    """

    def __init__(self, reason: str) -> None:
        self.reason = reason
        self.category = category_of(reason)
        super().__init__(reason, HINTS.get(self.category, ""))


def category_of(reason: str) -> str:
    return reason.partition(":")[0]


@contextmanager
def failures_named() -> Iterator[None]:
    """Turns what asyncio and ssl raise into `RequestError`; cancellation and our own bugs pass through."""
    try:
        yield
    except TimeoutError as error:
        raise RequestError("timeout") from error
    except ConnectionRefusedError as error:
        raise RequestError("refused") from error
    except ConnectionError as error:  # reset, broken pipe
        raise RequestError("disconnected") from error
    except ssl.SSLError as error:
        why = getattr(error, "verify_message", "") or error.reason or error
        raise RequestError(f"tls: {why}") from error
    except OSError as error:
        raise RequestError(f"unreachable: {error.strerror or error}") from error


def http_failure(status: int, body: bytes) -> RequestError:
    """The failure that a status outside 200 stands for, with the server's own message where it gave one."""
    message = error_message(body)
    return RequestError(f"http {status}: {message}" if message else f"http {status}")


def error_message(body: bytes) -> str:
    """The message of an error body in any of the usual shapes, cut to one line; empty where there is none.

    llama.cpp and vLLM write `{"error": {"message": ...}}`, vLLM's key check `{"error": "Unauthorized"}`,
    older vLLM `{"object": "error", "message": ...}` and FastAPI `{"detail": ...}`.
    """
    try:
        parsed = json.loads(body)
    except (ValueError, RecursionError):
        return one_line(body.decode("utf-8", "replace"))
    return one_line(message_of(parsed))


def message_of(parsed: Any) -> str:
    """The message inside a parsed error body; empty where there is none."""
    if isinstance(parsed, dict):
        for key in ("error", "message", "detail"):
            if parsed.get(key):
                return message_of(parsed[key])
        return ""
    return parsed if isinstance(parsed, str) else json.dumps(parsed) if parsed else ""


def one_line(text: str) -> str:
    """A server's words made fit to show: one line, not too long, no control character that a terminal would obey."""
    words = " ".join(text.split())[:LONGEST_MESSAGE]
    return "".join(letter if letter.isprintable() else "\N{REPLACEMENT CHARACTER}" for letter in words)
