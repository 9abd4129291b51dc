"""Measures a served model: asks it the held-out questions and compares its answers letter by letter."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from scripts.demo_model.corpus import Pair

Ask = Callable[[str], str]


@dataclass
class Score:
    """Right answers of one category, and the pairs that were answered wrongly with what came back."""

    asked: int = 0
    right: int = 0
    wrong: list[tuple[Pair, str]] = field(default_factory=list)

    def add(self, pair: Pair, answer: str) -> None:
        self.asked += 1
        if answer == pair.answer:
            self.right += 1
        else:
            self.wrong.append((pair, answer))


def evaluate(ask: Ask, asked: Iterable[Pair], concurrency: int) -> dict[str, Score]:
    """Ask every question, `concurrency` at a time; scores by category, in order of name."""
    chosen = sorted(asked, key=lambda pair: pair.category)
    scores: dict[str, Score] = {}
    with ThreadPoolExecutor(concurrency) as pool:
        for pair, answer in zip(chosen, pool.map(ask, [pair.question for pair in chosen]), strict=True):
            scores.setdefault(pair.category, Score()).add(pair, answer)
    return scores


def as_json(scores: dict[str, Score], engine: str, concurrency: int) -> dict[str, Any]:
    """The `accuracy` of model.json."""
    return {
        "date": datetime.now(UTC).date().isoformat(),
        "engine": engine,
        "concurrency": concurrency,
        "right": sum(score.right for score in scores.values()),
        "asked": sum(score.asked for score in scores.values()),
        "by_category": {name: {"right": s.right, "asked": s.asked} for name, s in scores.items()},
    }


def lines(scores: dict[str, Score]) -> Iterator[str]:
    """A table of the scores, then every wrong answer."""
    for name, score in scores.items():
        yield f"{name:18} {score.right:5} of {score.asked}"
    right, asked = sum(s.right for s in scores.values()), sum(s.asked for s in scores.values())
    yield f"{'all':18} {right:5} of {asked}"
    for score in scores.values():
        for pair, answer in score.wrong:
            yield f"wrong: {pair.question!r} got {answer!r}, not {pair.answer!r}"
