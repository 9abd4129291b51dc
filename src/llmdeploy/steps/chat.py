"""One question to a deployed model."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from llmdeploy.adapters.openai_client import ChatRequest, OpenAIClient
from llmdeploy.endpoint import Endpoint
from llmdeploy.errors import StepError

DEADLINE_SECONDS = 600.0


async def ask(
    endpoint: Endpoint, messages: Sequence[dict[str, Any]], max_tokens: int, write: Callable[[str], None]
) -> str:
    """The answer; `write` gets its pieces as they come. Raises StepError where the endpoint fails or refuses."""
    request = ChatRequest(tuple(messages), max_tokens=max_tokens)
    outcome = await OpenAIClient(endpoint).stream(request, deadline_s=DEADLINE_SECONDS, on_text=write)
    if not outcome.ok:
        raise StepError(
            f"{endpoint.url} did not answer: {outcome.error}",
            "look at `llmdeploy status` and `llmdeploy logs`",
        )
    return outcome.text
