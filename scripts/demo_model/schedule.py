"""How far the training is, and the learning rate that goes with it."""

from __future__ import annotations

import math
import time
from collections.abc import Callable

from scripts.demo_model import recipe

Progress = Callable[[int], float]  # steps done -> share of the training done; at 1 it stops


def by_steps(steps: int) -> Progress:
    """Ends after `steps` steps, on a fast machine and on a slow one alike."""
    return lambda done: done / steps


def by_minutes(minutes: float) -> Progress:
    """Ends `minutes` from now. How many steps that is, and so the model, depends on the machine's speed."""
    start = time.monotonic()
    return lambda done: (time.monotonic() - start) / (60 * minutes)


def learning_rate(step: int, progress: float) -> float:
    """Linear warm-up, then a cosine from the full rate down to LOWEST_RATE of it."""
    warm_up = min(1.0, (step + 1) / recipe.WARM_UP_STEPS)
    cosine = 0.5 * (1 + math.cos(math.pi * min(1.0, progress)))
    return recipe.LEARNING_RATE * warm_up * (recipe.LOWEST_RATE + (1 - recipe.LOWEST_RATE) * cosine)
