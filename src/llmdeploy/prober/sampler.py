"""One look at an engine: does it answer, how busy is it, how much memory does it hold."""

from __future__ import annotations

import asyncio
import ssl
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from llmdeploy.adapters.openai_client import Answer, OpenAIClient, RequestError
from llmdeploy.endpoint import Endpoint
from llmdeploy.errors import StepError
from llmdeploy.prober.config import ProberConfig
from llmdeploy.prober.engine_figures import TokenRate, read_metrics, read_slots
from llmdeploy.prober.engine_process import EngineProcess, ProcessLook, finder
from llmdeploy.prober.records import Sample
from llmdeploy.secret import Secret

# A saturated llama.cpp can take five seconds to accept a connection and is not down; after this long it counts as such.
UNANSWERED_S = 10.0
FIGURES_DEADLINE_S = 1.5
# Health is asked at every look, the figures less often: each request takes the engine's and our time from the service.
FIGURES_EVERY_S = 3.0
WORDS = {"refused": "connection refused", "disconnected": "it closed the connection"}


def endpoint_of(config: ProberConfig) -> Endpoint:
    """The endpoint with its key, read now. Raises StepError where the key cannot be read."""
    try:
        key = Path(config.key_file).read_text(encoding="ascii").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise StepError(f"cannot read the key file {config.key_file}: {error}", "run `llmdeploy up`") from error
    return Endpoint(config.url, config.model, Secret(key), config.health_path, config.metrics_path)


def client_of(config: ProberConfig) -> OpenAIClient:
    """Raises StepError where the key or the authorities cannot be read."""
    if not config.ca_file:
        return OpenAIClient(endpoint_of(config))
    try:
        tls = ssl.create_default_context(cafile=config.ca_file)
    except OSError as error:
        raise StepError(f"cannot read the authorities in {config.ca_file}: {error}", "run `llmdeploy up`") from error
    return OpenAIClient(endpoint_of(config), tls=tls)


@dataclass(frozen=True)
class Health:
    """`sent` and `seconds` are of the health request; `reason` says why the engine is not up."""

    up: bool
    sent: float
    seconds: float
    reason: str = ""


@dataclass(frozen=True)
class Figures:
    """Requests running and waiting, tokens per second generated and read, use of the KV cache (0 to 1)."""

    running: float | None = None
    waiting: float | None = None
    generated: float | None = None
    prompt: float | None = None
    kv_usage: float | None = None


class Sampler:
    """Looks at one engine again and again, never waiting much longer than the pause between two looks."""

    def __init__(self, config: ProberConfig) -> None:
        self.client = client_of(config)
        self._config = config
        self._process = EngineProcess(finder(config))
        self._health: asyncio.Task[Health] | None = None
        self._asked = 0.0
        self._last: Health | None = None
        self._generated, self._prompt = TokenRate(), TokenRate()
        self._figures, self._figures_at = Figures(), float("-inf")

    async def look(self) -> tuple[Sample, Health]:
        """A sample of now, and what the health request said."""
        at = time.time()
        process, health, figures = await asyncio.gather(
            asyncio.to_thread(self._process.look, time.monotonic()), self._look_at_health(), self._look_at_figures()
        )
        return _sample(at, process, health, figures), health

    async def close(self) -> None:
        if self._health:
            self._health.cancel()

    async def _look_at_health(self) -> Health:
        """The newest answer. One that is late leaves the last word standing until it comes or its deadline passes."""
        if self._health is None:
            self._asked = time.monotonic()
            self._health = asyncio.create_task(self._ask_health())
        done, _ = await asyncio.wait({self._health}, timeout=min(1.0, self._config.sample_s))
        if done:
            self._last, self._health = self._health.result(), None
            return self._last
        last = self._last or Health(False, time.time(), 0.0, "no answer yet")
        return Health(last.up, last.sent, time.monotonic() - self._asked, last.reason)

    async def _ask_health(self) -> Health:
        sent, begun = time.time(), time.monotonic()
        try:
            answer = await self.client.get(self._config.health_path, deadline_s=UNANSWERED_S)
        except RequestError as error:
            reason = WORDS.get(error.category, error.reason)
            if error.category == "timeout":
                reason = f"no answer for {UNANSWERED_S:.0f} s"
            return Health(False, sent, time.monotonic() - begun, reason)
        reason = "" if answer.status == 200 else f"health is HTTP {answer.status} {answer.error_message}".rstrip()
        return Health(answer.status == 200, sent, answer.seconds, reason)

    async def _look_at_figures(self) -> Figures:
        """The engine's own figures, those of some seconds ago where they were read lately; none while it is down."""
        if self._last is not None and not self._last.up:
            self._figures, self._figures_at = Figures(), float("-inf")
        elif time.monotonic() - self._figures_at >= min(FIGURES_EVERY_S, 3 * self._config.sample_s):
            self._figures = await self._read_figures()
            self._figures_at = time.monotonic()
        return self._figures

    async def _read_figures(self) -> Figures:
        metrics = await self._read(self._config.metrics_path)
        if metrics is None:
            return Figures()
        figures, decoded = read_metrics(metrics.body.decode("utf-8", "replace"), self._config.metrics), 0.0
        slots_path = self._config.metrics.slots_path
        slots = await self._read(slots_path) if slots_path else None
        if slots is not None:
            usage, decoded = read_slots(_listed(slots))
            figures = replace(figures, kv_usage=usage)
        now = time.monotonic()
        generated = prompt = None
        if figures.generated_tokens is not None:  # plus those of requests that are still being answered
            generated = self._generated.update(now, figures.generated_tokens, decoded)
        if figures.prompt_tokens is not None:
            prompt = self._prompt.update(now, figures.prompt_tokens)
        return Figures(figures.running, figures.waiting, generated, prompt, figures.kv_usage)

    async def _read(self, path: str) -> Answer | None:
        """The answer of a path that gives figures; None leaves them out of this sample; the next look asks again."""
        try:
            answer = await self.client.get(path, deadline_s=FIGURES_DEADLINE_S)
        except RequestError:
            return None
        if answer.status == 401:  # the key was changed
            self.client = client_of(self._config)
        return answer if answer.status == 200 else None


def _sample(at: float, process: ProcessLook, health: Health, figures: Figures) -> Sample:
    return Sample(
        at, health.up, health.seconds, figures.running, figures.waiting, figures.generated, figures.prompt,
        figures.kv_usage, process.rss, process.process, process.state,
    )  # fmt: skip


def _listed(answer: Answer) -> list[dict[str, Any]]:
    found = answer.json()
    return found if isinstance(found, list) else []
