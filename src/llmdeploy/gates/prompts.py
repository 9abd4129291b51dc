"""Prompts of about a wanted number of tokens, without the model's tokenizer."""

from __future__ import annotations

import random
from dataclasses import dataclass

VOCABULARY = (
    "capital river weekday month server model token answer question number country simple first second large small "
    "what which when where about other under after before again light water green house paper music winter summer"
)
WORDS = tuple(VOCABULARY.split())
TOKENS_PER_WORD = 1.5  # where the server sends no usage


@dataclass(frozen=True)
class PromptSize:
    """How many tokens a prompt comes to: `overhead` for the chat template, and `per_word`."""

    overhead: float = 0.0
    per_word: float = TOKENS_PER_WORD

    @classmethod
    def measured(cls, first: tuple[int, int], second: tuple[int, int]) -> PromptSize:
        """From two prompts of `(words, tokens)`; the default where the tokens do not grow with the words."""
        (words, tokens), (more_words, more_tokens) = first, second
        if more_tokens <= tokens or more_words <= words:
            return cls()
        per_word = (more_tokens - tokens) / (more_words - words)
        return cls(overhead=max(0.0, tokens - per_word * words), per_word=per_word)

    def words(self, tokens: float) -> int:
        return max(1, int((tokens - self.overhead) / self.per_word))


def prompt(words: int, random_source: random.Random) -> str:
    """Words in random order, all of them once before any comes again: prompts of a size have about the same tokens.

    The first ones differ from prompt to prompt, so that no engine's prefix cache does the work.
    """
    rounds, rest = divmod(words, len(WORDS))
    drawn = [random_source.sample(WORDS, len(WORDS)) for _ in range(rounds)]
    return " ".join([word for one in drawn for word in one] + random_source.sample(WORDS, rest))
