"""How many replicas keep a promise when requests arrive at random (M/M/c)."""

from __future__ import annotations

import math


def erlang_c(servers: int, offered: float) -> float:
    """Probability that an arriving request waits: `offered` Erlangs (arrivals a second x seconds of service) to
    `servers` places. 1 where they are not enough. Source: A. K. Erlang 1917; computed by the recursion of Erlang B."""
    if offered >= servers:
        return 1.0
    blocked = 1.0
    for place in range(1, servers + 1):
        blocked = offered * blocked / (place + offered * blocked)
    return blocked / (1 - offered / servers * (1 - blocked))


def wait_percentile(servers: int, offered: float, service_seconds: float, share: float) -> float:
    """The wait in seconds that `share` (0 to 1) of the requests stay below; infinite where the queue grows for ever."""
    waiting = erlang_c(servers, offered)
    if offered >= servers:
        return math.inf
    if waiting <= 1 - share:
        return 0.0
    return service_seconds * math.log(waiting / (1 - share)) / (servers - offered)


def places_needed(offered: float, service_seconds: float, longest_wait: float, share: float = 0.95) -> int:
    """The fewest places that keep the wait of `share` of the requests at or below `longest_wait` seconds."""
    places = max(1, math.floor(offered) + 1)
    while wait_percentile(places, offered, service_seconds, share) > longest_wait:
        places += 1
    return places
