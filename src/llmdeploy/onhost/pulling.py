"""One round of pull mode: make good what was cut off, look for a release, try it in the other slot, keep it or not."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from llmdeploy import __version__
from llmdeploy.errors import StepError
from llmdeploy.onhost.install import fetch, install, prune, wanted
from llmdeploy.onhost.origin import Origin
from llmdeploy.onhost.signed import Release, opened
from llmdeploy.onhost.slots import MOST_TRIES, NAMES, Box, State, mark, unmark

PATIENCE = 30.0  # seconds that the engine in use may be silent before the box goes back to the slot before


class Switch(Protocol):
    """onhost/engines.py, or what a test puts in its place."""

    def start(self, slot: str) -> None: ...
    def stop(self, slot: str) -> None: ...
    def keep(self, slot: str) -> None: ...
    def healthy(self, slot: str, seconds: float = 0.0) -> bool: ...
    def test(self, slot: str) -> str: ...
    def take_in(self, slot: str) -> None: ...
    def taken(self, slot: str) -> bool: ...
    def fits_beside(self) -> bool: ...


@dataclass(frozen=True)
class Outcome:
    """`what` is one of current, updated, returned, refused, failed, unreachable."""

    what: str
    detail: str = ""
    fetched: int = 0


@dataclass(frozen=True)
class Puller:
    box: Box
    host: str
    origin: Origin
    signer: Path
    key: str
    engines: Switch

    def round(self) -> Outcome:
        state = self.box.load()
        self._settle(state)
        ill = bool(state.active) and not self.engines.healthy(state.active, PATIENCE)
        if ill and state.other in state.releases and state.releases[state.other] not in state.bad:
            return self._return(state)
        try:
            text = self.origin.manifest()
        except StepError as error:
            return Outcome("unreachable", error.message)
        try:
            release = opened(text, self.signer)
            against = self._against(release, state, ill)
        except StepError as error:
            return Outcome("refused", error.message)
        if against:
            return against
        return self._take(release, state)

    def _settle(self, state: State) -> None:
        """After a power cut: what was being tried goes, and what served before serves."""
        if state.trying:
            self.engines.stop(state.trying)
            state.trying = ""
            self.box.save(state)
        if state.active:
            unmark(self.box.hold(state.active))
            self._start_anyway(state.active)
            self.engines.keep(state.active)
        if state.active and state.other in state.releases:
            self.engines.stop(state.other)

    def _start_anyway(self, slot: str) -> None:
        """One that does not start is silent, and that is looked at next."""
        with contextlib.suppress(StepError):
            self.engines.start(slot)

    def _return(self, state: State) -> Outcome:
        """Back to the slot before: the one in use stays silent."""
        ill, number = state.active, state.releases[state.active]
        state.bad.append(number)
        self._switch(state, state.other)
        return Outcome("returned", f"release {number} in slot {ill} was silent: back to {state.releases[state.active]}")

    def _against(self, release: Release, state: State, ill: bool) -> Outcome | None:
        """Why it is not to be taken now. Raises StepError where it has nothing for this box."""
        if release.deployment != self.box.name:
            return Outcome("refused", f"the release is for {release.deployment}")
        if release.number < state.highest:
            return Outcome(
                "refused", f"release {release.number} is older than {state.highest}: a replay or a downgrade"
            )
        if state.active and state.releases.get(state.active) == release.number:
            where = f"release {release.number} in slot {state.active}"
            return Outcome("failed", f"{where} is silent, and there is no other") if ill else Outcome("current", where)
        if release.number in state.bad:
            return Outcome("failed", f"release {release.number} has failed here before; a newer one is waited for")
        if release.number == state.highest and state.tries >= MOST_TRIES:
            state.bad.append(release.number)
            self.box.save(state)
            return Outcome("failed", f"release {release.number} was cut off {state.tries} times: it is not tried again")
        if _version(release.needs) > _version(__version__):
            return Outcome(
                "refused", f"release {release.number} needs llmdeploy {release.needs}, this is {__version__}"
            )
        wanted(release, self.host)
        return None

    def _take(self, release: Release, state: State) -> Outcome:
        if release.number != state.highest:
            state.highest, state.tries = release.number, 0
            self.box.save(state)
        try:
            fetched = fetch(release, self.box, self.host, self.origin)
        except StepError as error:
            return Outcome("unreachable", error.message)
        slot, before = self._next(state), state.active
        state.trying = slot
        state.tries += 1  # from here on: a thin line is no fault of the release
        state.releases.pop(slot, None)
        self.box.save(state)
        problem = self._try(release, slot, before)
        if problem:
            return self._give_up(release, state, before, problem, fetched)
        state.releases[slot] = release.number
        self._switch(state, slot)
        prune(self.box)
        return Outcome("updated", f"release {release.number} in slot {slot}", fetched)

    def _next(self, state: State) -> str:
        """The slot to fill; on a box that nothing has served from a slot yet, one whose port is free."""
        free = [name for name in NAMES if not self.engines.taken(name)] if not state.active else []
        return free[0] if free else state.other

    def _try(self, release: Release, slot: str, before: str) -> str:
        """What is wrong with it; empty where it serves rightly, out of rotation still."""
        try:
            self.engines.stop(slot)
            install(release, self.box, slot, self.host, self.key)
            mark(self.box.hold(slot))
            if before and not self.engines.fits_beside():
                self.engines.stop(before)
            self.engines.start(slot)
            return self.engines.test(slot)
        except (StepError, OSError) as error:
            return str(getattr(error, "message", error))

    def _give_up(self, release: Release, state: State, before: str, problem: str, fetched: int) -> Outcome:
        self.engines.stop(state.trying)
        if before:
            self.engines.start(before)
            self.engines.keep(before)
        state.bad = sorted({*state.bad, release.number})[-100:]
        state.trying = ""
        self.box.save(state)
        kept = f"; {state.releases[before]} in slot {before} goes on" if before else ""
        return Outcome("failed", f"release {release.number}: {problem}{kept}", fetched)

    def _switch(self, state: State, slot: str) -> None:
        """The gateway gets the slot before the other one drains; the state says so before the other one stops.

        Where the power goes before the state says so, the other one comes with the boot, and it alone."""
        before = state.active
        unmark(self.box.hold(slot))
        self.engines.start(slot)
        self.engines.take_in(slot)
        state.active, state.trying, state.tries = slot, "", 0
        self.box.save(state)
        self.engines.keep(slot)
        if before:
            self.engines.stop(before)


def _version(text: str) -> tuple[int, ...]:
    return tuple(int(part) for part in text.split(".")[:3] if part.isdigit())
