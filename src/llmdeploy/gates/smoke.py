"""Does it speak the API? Behaviour alone: no word of an answer is judged here."""

from __future__ import annotations

import ssl
from collections.abc import Awaitable, Callable
from time import perf_counter

from llmdeploy.adapters.openai_client import ChatRequest, OpenAIClient, Outcome, RequestError
from llmdeploy.adapters.openai_client.client import CHAT_PATH, MODELS_PATH
from llmdeploy.endpoint import Endpoint
from llmdeploy.gates.result import Check, GateResult
from llmdeploy.secret import Secret

PROMPT = "What is the capital of France?"
ANSWER_TOKENS = 16  # long enough for several chunks, short enough that rounding hardly changes a greedy answer
BAD_REQUEST = (400, 413, 422)  # a server that says whose fault it is; 401, 404 and 429 would say something else
MOST_EXTRA_WORDS = 65_536  # over the context: twice a context of a million tokens is 8 MB, and proves no more
SHOWN = 120  # characters of an answer in a check

Finding = tuple[bool, str, str]  # passed, value, detail


class Smoke:
    """One run of the gate against one endpoint; each method is one check and takes the seconds left."""

    def __init__(self, endpoint: Endpoint, context: int, tls: ssl.SSLContext | None) -> None:
        self._endpoint = endpoint
        self._context = context
        self._client = OpenAIClient(endpoint, tls=tls)
        self._nameless = OpenAIClient(endpoint, tls=tls, anonymous=True)
        self._stranger = OpenAIClient(endpoint, tls=tls, key=Secret("not-the-key"))
        self._whole: Outcome | None = None

    async def health(self, left: float) -> Finding:
        answer = await self._nameless.get(self._endpoint.health_path, deadline_s=left)
        return answer.status == 200, f"http {answer.status}", answer.error_message if answer.status != 200 else ""

    async def models(self, left: float) -> Finding:
        answer = await self._client.get(MODELS_PATH, deadline_s=left)
        if answer.status != 200:
            return False, f"http {answer.status}", answer.error_message
        listed = answer.json()
        models = listed.get("data") if isinstance(listed, dict) else None
        names = [model.get("id") for model in models or () if isinstance(model, dict)]
        return self._endpoint.model in names, ", ".join(map(str, names)) or "no model", ""

    async def chat(self, left: float) -> Finding:
        self._whole = await self._client.chat(self._question(), deadline_s=left)
        return _judged(self._whole)

    async def stream(self, left: float) -> Finding:
        streamed = await self._client.stream(self._question(), deadline_s=left)
        passed, value, detail = _judged(streamed)
        if not passed:
            return passed, value, detail
        whole = self._whole
        same = whole is not None and (whole.text, whole.reasoning) == (streamed.text, streamed.reasoning)
        value = f"{len(streamed.tokens)} chunks, {'the same' if same else 'another'} answer"
        differs = f"streamed {_shown(streamed)!r}, in one piece {_shown(whole)!r}"
        return len(streamed.tokens) > 1 and same, value, "" if same else differs

    async def wrong_key(self, left: float) -> Finding:
        return await self._unwelcome(self._stranger, left)

    async def no_key(self, left: float) -> Finding:
        return await self._unwelcome(self._nameless, left)

    async def long_prompt(self, left: float) -> Finding:
        words = min(2 * self._context, self._context + MOST_EXTRA_WORDS)
        # A word that every vocabulary has as one token, so that words are tokens.
        request = ChatRequest.ask("the " * words, max_tokens=1)
        return await self._refused(request.body(self._endpoint.model, stream=False), left)

    async def malformed(self, left: float) -> Finding:
        return await self._refused(b'{"model": ', left)

    async def afterwards(self, left: float) -> Finding:
        return _judged(await self._client.chat(self._question(), deadline_s=left))

    def _question(self) -> ChatRequest:
        return ChatRequest.ask(PROMPT, max_tokens=ANSWER_TOKENS)

    async def _unwelcome(self, client: OpenAIClient, left: float) -> Finding:
        body = self._question().body(self._endpoint.model, stream=False)
        answer = await client.post(CHAT_PATH, body, deadline_s=left)
        return answer.status == 401, f"http {answer.status}", answer.error_message if answer.status != 200 else ""

    async def _refused(self, body: bytes, left: float) -> Finding:
        answer = await self._client.post(CHAT_PATH, body, deadline_s=left)
        if answer.status == 200:
            return False, "http 200", "it was answered as if nothing were wrong with it"
        said = answer.error_message
        return answer.status in BAD_REQUEST and bool(said), f"http {answer.status}", said or "no error message"


async def run_smoke(
    endpoint: Endpoint, context: int, deadline_s: float, *, tls: ssl.SSLContext | None = None
) -> GateResult:
    """Nine checks, one after the other, in `deadline_s` seconds in all. `context` is tokens per request."""
    smoke = Smoke(endpoint, context, tls)
    started = perf_counter()
    client_error = "http 400, 413 or 422 with a message"
    plan: list[tuple[str, str, Callable[[float], Awaitable[Finding]]]] = [
        ("health", "http 200", smoke.health),
        ("models", endpoint.model, smoke.models),
        ("chat", "text and usage", smoke.chat),
        ("stream", "several chunks, the same answer", smoke.stream),
        ("wrong key", "http 401", smoke.wrong_key),
        ("no key", "http 401", smoke.no_key),
        ("prompt over the context", client_error, smoke.long_prompt),
        ("malformed JSON", client_error, smoke.malformed),
        ("chat afterwards", "text and usage", smoke.afterwards),
    ]
    checks = [await _check(name, bound, look, started + deadline_s) for name, bound, look in plan]
    return GateResult("smoke", tuple(checks), perf_counter() - started, {"context": context})


async def _check(name: str, bound: str, look: Callable[[float], Awaitable[Finding]], end: float) -> Check:
    started = perf_counter()
    if started >= end:
        return Check(name, False, "not tried", bound, "the gate's deadline had passed")
    try:
        passed, value, detail = await look(end - started)
    except RequestError as error:
        passed, value, detail = False, error.reason, error.hint
    return Check(name, passed, value, bound, detail, perf_counter() - started)


def _judged(outcome: Outcome) -> Finding:
    """An answer passes with any text, read or thought, that ends properly and has its usage."""
    if outcome.error:
        return False, outcome.error, ""
    if not (outcome.text or outcome.reasoning):
        return False, "an empty answer", ""
    if not (outcome.prompt_tokens and outcome.completion_tokens):
        return False, "no usage", f"the answer was {_shown(outcome)!r}"
    return True, _shown(outcome), f"{outcome.prompt_tokens} + {outcome.completion_tokens} tokens"


def _shown(outcome: Outcome | None) -> str:
    return (outcome.text or outcome.reasoning or outcome.error)[:SHOWN] if outcome else ""
