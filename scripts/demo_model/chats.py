"""Chats to train on: pairs drawn by weight, typed as people type, in ChatML."""

from __future__ import annotations

import random
import re
from collections.abc import Iterator

from scripts.demo_model.corpus import pairs
from scripts.demo_model.facts import Facts

Message = tuple[str, str]  # role, content

WITH_SYSTEM_PROMPT = 0.35
TURNS = (1, 2, 3)
TURN_WEIGHTS = (75, 18, 7)
KEEPS_ITS_CAPITAL = re.compile(r"(I|LLM|TTFT|GPU|GGUF)\b")


class Chats:
    """An endless stream of chats from the pairs that are not held out: the same seed, the same stream."""

    def __init__(self, facts: Facts, seed: int) -> None:
        self._facts = facts
        self._rng = random.Random(seed)  # noqa: S311 - a reproducible draw, not a secret
        self._trained: dict[str, list[Message]] = {}
        for pair in pairs(facts):
            if not pair.held_out:
                self._trained.setdefault(pair.category, []).append((pair.question, pair.answer))
        self._categories = sorted(self._trained)
        self._weights = [facts.weights[category] for category in self._categories]

    def __iter__(self) -> Iterator[list[Message]]:
        while True:
            yield self._chat()

    def _chat(self) -> list[Message]:
        rng, chat = self._rng, []
        if rng.random() < WITH_SYSTEM_PROMPT:
            chat.append(("system", rng.choice(self._facts.system_prompts)))
        turns = rng.choices(TURNS, TURN_WEIGHTS)[0]
        for category in rng.choices(self._categories, self._weights, k=turns):
            question, answer = rng.choice(self._trained[category])
            chat += [("user", as_typed(question, self._facts.prefixes, rng)), ("assistant", answer)]
        return chat


def as_typed(question: str, prefixes: list[str], rng: random.Random) -> str:
    """The question as people type it: a polite prefix, no capitals, no question mark, each now and then."""
    prefix = rng.choice(prefixes)
    joins_on = bool(prefix) and prefix[-2] in ",:"
    if joins_on and not KEEPS_ITS_CAPITAL.match(question) and rng.random() < 0.7:
        question = question[0].lower() + question[1:]
    question = prefix + question
    if rng.random() < 0.15:
        question = question.lower()
    if rng.random() < 0.2:
        question = question.rstrip("?.! ")
    return question


def render(chat: list[Message]) -> str:
    """The chat in ChatML, as the template inside the GGUF file renders it."""
    return "".join(f"<|im_start|>{role}\n{content}<|im_end|>\n" for role, content in chat)
