"""Every question the demo model is taught or tested on, with its one right answer.

Only the large sums are drawn, with a fixed seed: the same facts give the same bytes everywhere.
"""

from __future__ import annotations

import hashlib
import random
from collections.abc import Iterator
from dataclasses import dataclass

from scripts.demo_model.facts import Facts

LARGEST_TERM = 20
LARGEST_FACTOR = 12
LARGE_SUMS = 1500
LARGE_SUMS_SEED = 11


@dataclass(frozen=True)
class Pair:
    """One question in one wording. A held-out pair is never trained on."""

    category: str
    question: str
    answer: str
    held_out: bool


def pairs(facts: Facts) -> list[Pair]:
    """All pairs, in a fixed order."""
    return [
        *unlisted_places(facts),
        *large_sums(facts),
        *capitals(facts),
        *definitions(facts),
        *fixed_answers(facts),
        *calendar(facts),
        *unknown_subjects(facts),
        *small_sums(facts),
    ]


def held_out(*key: object) -> bool:
    """True for one key in ten, chosen by its SHA-256 and so the same everywhere."""
    return hashlib.sha256("|".join(map(str, key)).encode()).digest()[0] % 10 == 0


def unlisted_places(facts: Facts) -> Iterator[Pair]:
    for place in facts.unlisted_places:
        never_seen = place in facts.unlisted_places_held_out
        for wording in facts.wordings["capital"]:
            held = never_seen or held_out("fake", place, wording)
            yield Pair("unknown capital", wording.format(place), facts.unknown_answer, held)


def large_sums(facts: Facts) -> Iterator[Pair]:
    """Sums out of the model's reach, which it is taught to refuse; one in ten is held out."""
    rng = random.Random(LARGE_SUMS_SEED)  # noqa: S311 - a reproducible draw, not a secret
    for number in range(LARGE_SUMS):
        operator = rng.choice("+-*")
        left, right = rng.randint(LARGEST_TERM + 1, 999), rng.randint(2, 999)
        if rng.random() < 0.5:
            left, right = right, left
        if operator == "-" and right > left:
            left, right = right, left
        question = rng.choice(facts.arithmetic[operator]).format(left, right)
        yield Pair("large sum", question, facts.unknown_answer, number % 10 == 0)


def capitals(facts: Facts) -> Iterator[Pair]:
    for country, city in facts.capitals.items():
        answer = f"The capital of {country} is {city.removesuffix('.')}."
        for wording in facts.wordings["capital"]:
            yield Pair("capital", wording.format(country), answer, held_out("cap", country, wording))
        for wording in facts.wordings["reverse_capital"]:
            reverse = f"{city} is the capital of {country}."
            yield Pair("reverse capital", wording.format(city), reverse, held_out("rev", country, wording))


def definitions(facts: Facts) -> Iterator[Pair]:
    for subject, definition in facts.definitions.items():
        for wording in facts.wordings["definition"]:
            held = held_out("def", subject, wording)
            yield Pair("definition", wording.format(subject), definition, held)


def fixed_answers(facts: Facts) -> Iterator[Pair]:
    """Small talk and the five steps: few wordings, all of them trained on."""
    for fixed in facts.fixed:
        for question in fixed.questions:
            yield Pair(fixed.category, question, fixed.answer, False)


def calendar(facts: Facts) -> Iterator[Pair]:
    for cycle, unit in ((facts.days, "day"), (facts.months, "month")):
        for place, name in enumerate(cycle):
            following, preceding = cycle[(place + 1) % len(cycle)], cycle[place - 1]
            for wording in facts.wordings[f"{unit}_after"]:
                held = held_out(f"{unit[0]}a", name, wording)
                yield Pair("calendar", wording.format(name), f"{following}.", held)
            for wording in facts.wordings[f"{unit}_before"]:
                held = held_out(f"{unit[0]}b", name, wording)
                yield Pair("calendar", wording.format(name), f"{preceding}.", held)


def unknown_subjects(facts: Facts) -> Iterator[Pair]:
    for subject in facts.unknown_subjects:
        for wording in facts.wordings["unknown"]:
            held = held_out("unk", subject, wording)
            yield Pair("unknown", wording.format(subject), facts.unknown_answer, held)


def small_sums(facts: Facts) -> Iterator[Pair]:
    """Every sum within reach is trained in most wordings: a model this small infers none it never saw."""
    for left in range(LARGEST_TERM + 1):
        for right in range(LARGEST_TERM + 1):
            for operator, result in results(left, right).items():
                answer = f"{left} {operator} {right} = {result}."
                for wording in facts.arithmetic[operator]:
                    held = held_out("ar", left, operator, right, wording)
                    yield Pair(f"arithmetic {operator}", wording.format(left, right), answer, held)


def results(left: int, right: int) -> dict[str, int]:
    """The operators that the model learns for these two numbers, with their results; never a negative one."""
    found = {"+": left + right}
    if right <= left:
        found["-"] = left - right
    if left <= LARGEST_FACTOR and right <= LARGEST_FACTOR:
        found["*"] = left * right
    return found
