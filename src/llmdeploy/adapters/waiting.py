"""Waiting for what another process does."""

from __future__ import annotations

import time

LEAST_SECONDS, MOST_SECONDS = 0.002, 0.25
SHARE = 0.05


def pause(since: float) -> None:
    """Sleep a small share of the time waited `since` (monotonic seconds): what comes soon is not kept waiting, and what
    takes minutes is not asked a thousand times."""
    waited = time.monotonic() - since
    time.sleep(min(MOST_SECONDS, max(LEAST_SECONDS, waited * SHARE)))
