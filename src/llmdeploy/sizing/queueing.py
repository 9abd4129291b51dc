"""How many replicas keep a promise when requests arrive at random (M/M/c)."""

from __future__ import annotations

import math
from itertools import count


class Queue:
    """`offered` Erlangs (arrivals a second x seconds of service) before any number of places. What one place more or
    fewer has in common is computed once."""

    def __init__(self, offered: float) -> None:
        self.offered = offered
        self._blocked = [1.0]  # Erlang B of 0, 1, ... places: the probability that all of them are busy

    def waiting(self, places: int) -> float:
        """Probability that an arriving request waits; 1 where the places are not enough. Source: A. K. Erlang 1917;
        computed by the recursion of Erlang B."""
        offered, found = self.offered, self._blocked
        if offered >= places:
            return 1.0
        for place in range(len(found), places + 1):
            found.append(offered * found[-1] / (place + offered * found[-1]))
        return found[places] / (1 - offered / places * (1 - found[places]))

    def wait(self, places: int, service_seconds: float, share: float = 0.95) -> float:
        """The wait in seconds that `share` (0 to 1) of the requests stay below; infinite where the queue grows for
        ever."""
        if self.offered >= places:
            return math.inf
        waiting = self.waiting(places)
        if waiting <= 1 - share:
            return 0.0
        return service_seconds * math.log(waiting / (1 - share)) / (places - self.offered)

    def places_needed(self, service_seconds: float, longest_wait: float, share: float = 0.95) -> int:
        """The fewest places that keep the wait of `share` of the requests at or below `longest_wait` seconds."""
        least = max(1, math.floor(self.offered) + 1)
        return next(places for places in count(least) if self.wait(places, service_seconds, share) <= longest_wait)
