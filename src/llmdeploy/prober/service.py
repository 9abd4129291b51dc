"""The prober's loop: look, write down, ask a few prompts when it is time, until told to stop."""

from __future__ import annotations

import asyncio
import signal
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from llmdeploy.prober.asker import Asker
from llmdeploy.prober.config import ProberConfig
from llmdeploy.prober.engine_process import UNSUPERVISED
from llmdeploy.prober.exposition import Exposition
from llmdeploy.prober.history import History
from llmdeploy.prober.outages import Outages
from llmdeploy.prober.port import listen, note_port
from llmdeploy.prober.records import Event, Sample
from llmdeploy.prober.sampler import Health, Sampler

# The first prompts are asked this long after the engine was first seen up, and after every outage: a starting engine is
# left alone.
SETTLE_S = 2.0
# While the engine is down it is looked at this often, so that the length of an outage is known to a fifth of a second.
DOWN_SAMPLE_S = 0.2
UNWATCHED_S = 5.0


def say(line: str) -> None:
    """One line for the log that the supervisor keeps."""
    sys.stderr.write(f"{time.strftime('%Y-%m-%d %H:%M:%S')} {line}\n")


async def run(configs: Sequence[ProberConfig]) -> None:
    """Probe every engine until SIGTERM or SIGINT. Raises LlmdeployError where one of them cannot be begun with."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    await asyncio.gather(*(_probe(config, index / len(configs), stop) for index, config in enumerate(configs)))


async def _probe(config: ProberConfig, turn: float, stop: asyncio.Event) -> None:
    prober = Prober(config, turn)
    server = await listen(config.host, config.port, Path(config.port_file), prober.exposition.text)
    try:
        await prober.tick()  # first, so that whoever waits for the port file finds a sample
        port = note_port(server, Path(config.port_file))
        prober.say(f"watching {config.url}; metrics on http://{config.host}:{port}/metrics")
        await prober.watch(stop)
    finally:
        server.close()
        await prober.close()


class Prober:
    """Everything that is held for one engine.

    `turn` (0 to 1) is when in the pause between two rounds this engine is asked: several engines of a host are asked
    one after the other, as each would slow the answers of the next.
    """

    def __init__(self, config: ProberConfig, turn: float = 0.0) -> None:
        self.exposition = Exposition()
        self._config = config
        self._settle_s = SETTLE_S + turn * config.interval_s
        self._sampler = Sampler(config)
        self._asker = Asker(Path(config.golden) if config.golden else None, config.interval_s)
        self._history = History(Path(config.history), config.history_bytes, self.say)
        self._history.set_watch(config.sample_s, config.interval_s, config.min_accuracy)
        last_seen = self._history.last_seen()
        self._outages = Outages(self._history.open_down(), last_seen[1] if last_seen else None)
        if last_seen and time.time() - last_seen[0] > UNWATCHED_S:
            self._keep(Event("unwatched", last_seen[0], time.time(), "no prober ran"))
        self._round: asyncio.Task[None] | None = None
        self._ask_at = float("inf")
        self._looked = time.monotonic()

    def say(self, line: str) -> None:
        say(f"{self._config.name}: {line}" if self._config.name else line)

    async def watch(self, stop: asyncio.Event) -> None:
        """Tick after tick until `stop`; one that comes late is not made up for."""
        due = time.monotonic()
        while not stop.is_set():
            pause = self._config.sample_s
            due = max(due + (min(pause, DOWN_SAMPLE_S) if self._outages.down else pause), time.monotonic())
            try:
                await asyncio.wait_for(stop.wait(), due - time.monotonic())
            except TimeoutError:
                await self.tick()

    async def tick(self) -> None:
        """One look, written down; begins a round of prompts where it is time for one."""
        sample, health = await self._sampler.look()
        self._note(sample, health)
        now = time.monotonic()
        if not sample.up:
            self._ask_at = float("inf")
        elif self._ask_at == float("inf"):
            self._ask_at = now + self._settle_s
        elif now >= self._ask_at and (self._round is None or self._round.done()):
            if self._round:
                self._round.result()  # a bug in a round ends the prober, and the supervisor's log shows it
            self._ask_at = now + self._config.interval_s
            self._round = asyncio.create_task(self._ask())

    async def close(self) -> None:
        await self._sampler.close()
        if self._round:
            self._round.cancel()
            await asyncio.gather(self._round, return_exceptions=True)
        self._history.close()

    def _note(self, sample: Sample, health: Health) -> None:
        now, was_down = time.monotonic(), self._outages.down is not None
        changed = self._outages.look(sample.at if sample.up else health.sent, sample.up, self._reason(sample, health))
        if changed:
            self._keep(changed)
        restarted = self._outages.process(sample.at, sample.process) if sample.process else None
        if restarted:
            self._keep(restarted)
        self._history.add_sample(sample)
        self.exposition.see_sample(sample, now - self._looked if was_down else 0.0)
        self.exposition.see_lost(self._history.errors)
        self._looked = now

    def _reason(self, sample: Sample, health: Health) -> str:
        known = sample.state not in ("", "RUNNING", UNSUPERVISED)
        return f"{health.reason}, process {sample.state}" if known else health.reason

    def _keep(self, event: Event) -> None:
        self._history.save_event(event)
        self.exposition.see_event(event)
        if event.ended is None:
            self.say(f"engine down: {event.detail}")
        else:
            self.say(f"{event.kind} for {event.ended - event.started:.1f} s: {event.detail}")

    async def _ask(self) -> None:
        async for probe in self._asker.round(self._sampler.client):
            self._history.add_probe(probe)
            self.exposition.see_probe(probe)
