"""Batches of chats of about the same length."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING

from scripts.demo_model import recipe
from scripts.demo_model.chats import Chats
from scripts.demo_model.facts import Facts
from scripts.demo_model.tokenizer import ChatEncoder, TokenizedChat

if TYPE_CHECKING:
    import torch

IGNORED = -100
POOL = 16  # batches that are sorted by length together


@dataclass(frozen=True)
class Batch:
    """Padded chats, tensors of [chats, tokens]. `labels` are the ids again, IGNORED where padded."""

    ids: torch.Tensor
    labels: torch.Tensor
    in_answer: torch.Tensor


def batches(facts: Facts, encode: ChatEncoder) -> Iterator[Batch]:
    """An endless stream of batches, the same every time."""
    chats = iter(Chats(facts, recipe.CHATS_SEED))
    order = random.Random(recipe.BATCH_ORDER_SEED)  # noqa: S311 - a reproducible order, not a secret
    while True:
        pool = [encode(chat) for chat in islice(chats, recipe.BATCH * POOL)]
        pool.sort(key=lambda chat: len(chat.ids))
        groups = [pool[start : start + recipe.BATCH] for start in range(0, len(pool), recipe.BATCH)]
        order.shuffle(groups)
        yield from map(padded, groups)


def padded(chats: list[TokenizedChat]) -> Batch:
    import torch

    shape = len(chats), max(len(chat.ids) for chat in chats)
    ids = torch.zeros(shape, dtype=torch.long)
    labels = torch.full(shape, IGNORED)
    in_answer = torch.zeros(shape, dtype=torch.bool)
    for row, chat in enumerate(chats):
        length = len(chat.ids)
        ids[row, :length] = labels[row, :length] = torch.tensor(chat.ids)
        in_answer[row, :length] = torch.tensor(chat.in_answer)
    return Batch(ids, labels, in_answer)
