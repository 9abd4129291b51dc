"""An asyncio client of the OpenAI API that keeps the time of every token.

Each request has a connection of its own, closed after it. That costs a connect (0.1 ms on loopback, one or
two round trips elsewhere; it counts into TTFT, and `Outcome.connected` tells it apart) and buys two things:
no request can fail on a kept connection that the server has just closed (llama.cpp's does so after 100
requests or 5 idle seconds), and no idle connection holds one of llama.cpp's few HTTP threads while another
client waits for it.
"""

from __future__ import annotations

from llmdeploy.adapters.openai_client.client import Answer, ChatRequest, OpenAIClient
from llmdeploy.adapters.openai_client.failure import RequestError
from llmdeploy.adapters.openai_client.outcome import Outcome

__all__ = ["Answer", "ChatRequest", "OpenAIClient", "Outcome", "RequestError"]
