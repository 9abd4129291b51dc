"""One variant on one kind of machine: how it is cut, how many machines keep the promise, how quick it is."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Final

from llmdeploy.methods.hardware import Hardware
from llmdeploy.methods.need import Need
from llmdeploy.methods.variant import Variant
from llmdeploy.sizing.catalogue.accelerators import Accelerator
from llmdeploy.sizing.layout import Layout, divides
from llmdeploy.sizing.load import Load, Served, serve
from llmdeploy.sizing.question import Question, Sized
from llmdeploy.sizing.queueing import Queue
from llmdeploy.sizing.roofline import Speed, efficiency_of
from llmdeploy.sizing.size import fit
from llmdeploy.units import milliseconds

MOST_MACHINES: Final = 64
CONTEXT_ROOM: Final = 1.25  # chat template, a longer question than said


@dataclass(frozen=True)
class Offer:
    """`machines` of one kind, `copies` of the model on each, each serving `served.batch` requests at once.

    `ttft` is in seconds for 95 of 100 requests, waiting included. `headroom` is the share of places that is free on
    average.
    """

    variant: Variant
    hardware: Hardware
    sized: Sized
    copies: int
    machines: int
    served: Served
    ttft: float
    headroom: float

    @property
    def layout(self) -> Layout:
        return self.sized.layout

    @property
    def replicas(self) -> int:
        return self.machines * self.copies

    @property
    def e2e(self) -> float:
        return self.ttft + self.served.seconds

    @property
    def tokens_per_second(self) -> float:
        return self.served.tokens_per_second * self.replicas


@dataclass(frozen=True)
class Refused:
    """Why a variant does not do on a machine; `offer` is what it would be where only the promise is broken."""

    reason: str
    offer: Offer | None = None


class Offers:
    """Makes offers for one need. What machines alike share is computed once."""

    def __init__(self, need: Need) -> None:
        self.need = need
        self._queue = Queue(need.concurrency)
        self._sized: dict[tuple[object, ...], Sized] = {}
        self._speeds: dict[tuple[object, ...], Speed] = {}
        self._served: dict[tuple[object, ...], tuple[Sized, int, Served] | Refused] = {}

    def make(self, variant: Variant, hardware: Hardware) -> Offer | Refused:
        """The offer that needs the fewest machines, or why there is none."""
        if not variant.runs_on(hardware.accelerator):
            return Refused(f"{variant.quantization.name} does not run on {hardware.accelerator.name}")
        if self.need.tokens > variant.architecture.context:
            long, most = self.need.tokens, variant.architecture.context
            return Refused(f"a request of {long:,} tokens is longer than its context of {most:,}")
        key = (variant.name, hardware.key)
        if key not in self._served:
            self._served[key] = self._cut(variant, hardware)
        found = self._served[key]
        if isinstance(found, tuple):
            return self._machines(variant, hardware, *found)
        return replace(found, offer=replace(found.offer, hardware=hardware)) if found.offer else found

    def _cut(self, variant: Variant, hardware: Hardware) -> tuple[Sized, int, Served] | Refused:
        """The layout with the most places on one machine that keeps the promise: (sized, copies, served)."""
        if variant.weight_bytes > hardware.count * hardware.memory_gib * 2**30 * 0.95:
            return Refused("does not fit")
        best: tuple[Sized, int, Served] | None = None
        slow: tuple[Sized, int, Served] | None = None
        for tensor in _tensors(variant, hardware):
            sized = self._size(variant, hardware, tensor)
            if not sized.fits:
                continue
            copies = hardware.count // tensor if variant.engine == "vllm" else 1
            kept = self._within_promise(variant, hardware.accelerator, sized)
            if kept is None:
                slow = (sized, copies, self._serve(variant, hardware.accelerator, sized, 1))
            elif best is None or kept.batch * copies > best[2].batch * best[1]:
                best = (sized, copies, kept)
        if best:
            return best
        if slow is None:
            return Refused("does not fit")
        return Refused(self._broken(slow[2]), self._machines_of(variant, hardware, *slow))

    def _machines_of(self, variant: Variant, hardware: Hardware, sized: Sized, copies: int, served: Served) -> Offer:
        """What it would be if slowness were accepted."""
        machines = max(1, math.ceil(self.need.concurrency / (copies * served.batch)))
        return Offer(variant, hardware, sized, copies, machines, served, served.ttft, 0.0)

    def _machines(
        self, variant: Variant, hardware: Hardware, sized: Sized, copies: int, served: Served
    ) -> Offer | Refused:
        """As many machines as keep the wait short enough when requests arrive at random."""
        places = max(1, int(served.batch)) * copies
        needed = self._queue.places_needed(served.seconds, self._longest_wait(served))
        machines = -(-needed // places)
        waits = self._queue.wait(machines * places, served.seconds)
        headroom = 1 - self.need.concurrency / (machines * places)
        offer = Offer(variant, hardware, sized, copies, machines, served, served.ttft + waits, headroom)
        most = hardware.limit or MOST_MACHINES
        if machines > most:
            there = "" if hardware.limit is None else f", and there {'is' if most == 1 else 'are'} {most}"
            return Refused(f"{machines} of {hardware.title} would be needed{there}", offer)
        return offer

    def _longest_wait(self, served: Served) -> float:
        """What the promise leaves for waiting, of the first token and of the whole answer."""
        first = self.need.ttft - served.ttft
        return max(0.0, min(first, self.need.e2e - served.ttft - served.seconds) if self.need.e2e else first)

    def _within_promise(self, variant: Variant, device: Accelerator, sized: Sized) -> Served | None:
        """The largest batch that keeps TTFT, ITL and the whole answer within the SLO; null where one request breaks
        it."""
        most = int(max(1.0, min(self._most(sized), self.need.concurrency * 1.6 + 4)))
        served = self._serve(variant, device, sized, most)
        if not self._broken(served):
            return served
        kept = self._serve(variant, device, sized, 1)
        if self._broken(kept):
            return None
        low, high = 1, most
        while high - low > 1:
            middle = (low + high) // 2
            served = self._serve(variant, device, sized, middle)
            if self._broken(served):
                high = middle
            else:
                low, kept = middle, served
        return kept

    def _most(self, sized: Sized) -> float:
        request = self.need.prompt + self.need.output / 2
        return min(256.0, sized.max_concurrency * sized.context / request)

    def _broken(self, served: Served) -> str:
        need = self.need
        if served.ttft > need.ttft:
            return f"TTFT {milliseconds(served.ttft)} ms at best, {milliseconds(need.ttft)} ms are promised"
        if served.itl > need.itl:
            return f"ITL {milliseconds(served.itl)} ms at best, {milliseconds(need.itl)} ms are promised"
        if need.e2e and served.ttft + served.seconds > need.e2e:
            return f"{served.ttft + served.seconds:,.1f} s for an answer, {need.e2e:,.1f} s are promised"
        return ""

    def _serve(self, variant: Variant, device: Accelerator, sized: Sized, batch: float) -> Served:
        key = (variant.name, device.name, device.bandwidth_gb_s, sized.layout)
        if key not in self._speeds:
            self._speeds[key] = Speed(
                variant.architecture, variant.quantization, device, sized.layout.tensor, sized.layout.pipeline, 2,
                efficiency_of(device, variant.engine),
            )  # fmt: skip
        return serve(self._speeds[key], Load(batch, self.need.prompt, self.need.output), batch)

    def _size(self, variant: Variant, hardware: Hardware, tensor: int) -> Sized:
        stages = hardware.count if variant.engine == "llamacpp" else 1
        key = (variant.name, hardware.accelerator.name, round(hardware.memory_gib, 2), tensor, stages)
        if key not in self._sized:
            context = min(variant.architecture.context, math.ceil(self.need.tokens * CONTEXT_ROOM))
            question = Question(
                variant.architecture, variant.quantization, hardware.memory_gib, hardware.accelerator, tensor,
                variant.engine, context,
                load=Load(1, self.need.prompt, self.need.output),
            )  # fmt: skip
            self._sized[key] = fit(question, Layout(tensor, stages))
        return self._sized[key]


def _tensors(variant: Variant, hardware: Hardware) -> list[int]:
    """Tensor parallelism that leaves no device idle, least first."""
    if variant.engine == "llamacpp":
        return [1]
    count = hardware.count
    return [one for one in (1, 2, 4, 8, 16) if count % one == 0 and divides(variant.architecture, one)]
