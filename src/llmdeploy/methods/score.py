"""The score that puts rows in order: five parts from 0 to 1, weighed as the spec says.

cost      1 - log10(price / the cheapest price): ten times as dear is 0; prices under 10 USD count as 10
speed     log8(SLO / predicted), of TTFT or ITL, whichever is nearer to its SLO: eight times as quick is 1
quality   points of MMLU-Pro / the best row's; 0.5 where nobody has published any
control   1 own machines, 0.6 hybrid, 0.3 rented
ease      1 this machine, 0.8 rented, 0.6 own hosts, 0.5 rules and learning, 0.4 bought or edge, 0.25 hybrid
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, replace
from typing import Final

from llmdeploy.methods.need import Need
from llmdeploy.methods.row import Row

LEAST_PRICE: Final = 10.0
UNKNOWN_QUALITY: Final = 0.5


def scored(rows: Sequence[Row], need: Need) -> list[Row]:
    """The rows with their scores, feasible ones first, the highest score first; equal ones stay in their order."""
    feasible = [row for row in rows if row.feasible]
    least = min((max(LEAST_PRICE, row.month) for row in feasible), default=LEAST_PRICE)
    best = max((row.quality for row in feasible if row.quality is not None), default=None)
    found = [_scored(row, need, least, best) if row.feasible else row for row in rows]
    return sorted(found, key=lambda row: (not row.feasible, -row.score))


def _scored(row: Row, need: Need, least: float, best: float | None) -> Row:
    parts = {
        "cost": _clipped(1 - math.log10(max(LEAST_PRICE, row.month) / least)),
        "speed": _speed(row, need),
        "quality": UNKNOWN_QUALITY if row.quality is None or not best else _clipped(row.quality / best),
        "control": row.control,
        "ease": row.ease,
    }
    weights = asdict(need.weights)
    total = sum(weights.values()) or 1.0
    score = sum(parts[name] * weights[name] for name in parts) / total
    return replace(row, score=score, parts=parts)


def _speed(row: Row, need: Need) -> float:
    if row.offer is None:
        return _clipped(math.log(need.ttft / max(row.seconds or need.ttft, 1e-6), 8))
    slack = min(need.ttft / max(row.offer.ttft, 1e-6), need.itl / max(row.offer.served.itl, 1e-6))
    return _clipped(math.log(max(slack, 1e-9), 8))


def _clipped(part: float) -> float:
    return min(1.0, max(0.0, part))
