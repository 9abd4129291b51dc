"""A byte-level BPE tokenizer trained on the corpus, and chats as token ids."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING

from scripts.demo_model import recipe
from scripts.demo_model.chats import Chats, Message
from scripts.demo_model.facts import Facts

if TYPE_CHECKING:
    from tokenizers import Tokenizer
    from transformers import PreTrainedTokenizerFast


def train_tokenizer(facts: Facts) -> PreTrainedTokenizerFast:
    """Train it anew: about a second, the same result every time."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

    tokenizer = Tokenizer(models.BPE())
    # Single digits, then GPT-2's splitting: what llama.cpp calls "smollm".
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Digits(individual_digits=True),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=True),
        ]
    )
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=recipe.VOCABULARY,
        special_tokens=[recipe.END_OF_TEXT, recipe.START_OF_MESSAGE, recipe.END_OF_MESSAGE],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    chats = islice(Chats(facts, recipe.TOKENIZER_SEED), recipe.TOKENIZER_CHATS)
    texts = [content for chat in chats for _, content in chat]
    tokenizer.train_from_iterator(texts + facts.system_prompts, trainer)
    return with_chat_template(tokenizer)


def with_chat_template(tokenizer: Tokenizer) -> PreTrainedTokenizerFast:
    """The same tokenizer as transformers and vLLM load it."""
    from transformers import PreTrainedTokenizerFast

    wrapped = PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        bos_token=recipe.END_OF_TEXT,
        eos_token=recipe.END_OF_MESSAGE,
        pad_token=recipe.END_OF_TEXT,
        unk_token=recipe.END_OF_TEXT,
        model_max_length=recipe.CONTEXT,
        clean_up_tokenization_spaces=False,
    )
    wrapped.chat_template = recipe.CHAT_TEMPLATE
    return wrapped


@dataclass(frozen=True)
class TokenizedChat:
    """Token ids of a chat, and for each whether it belongs to an answer; at most CONTEXT of them."""

    ids: list[int]
    in_answer: list[bool]


class ChatEncoder:
    """Turns chats into token ids, message by message, as the chat template would."""

    def __init__(self, tokenizer: PreTrainedTokenizerFast) -> None:
        self._tokenizer = tokenizer
        self._headers = {
            role: self._encode(f"{recipe.START_OF_MESSAGE}{role}\n") for role in ("system", "user", "assistant")
        }
        self._newline = self._encode("\n")

    def __call__(self, chat: list[Message]) -> TokenizedChat:
        ids: list[int] = []
        in_answer: list[bool] = []
        for role, content in chat:
            header, body = self._headers[role], self._encode(content + recipe.END_OF_MESSAGE)
            ids += header + body + self._newline
            in_answer += [False] * len(header)
            in_answer += [role == "assistant"] * len(body)
            in_answer += [False] * len(self._newline)
        return TokenizedChat(ids[: recipe.CONTEXT], in_answer[: recipe.CONTEXT])

    def _encode(self, text: str) -> list[int]:
        return list(self._tokenizer.encode(text, add_special_tokens=False))
