"""One question for all who ask at nearly the same time."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from llmdeploy.monitoring.shared import Shared


def test_an_answer_is_given_again_until_it_is_old() -> None:
    now, asked = [100.0], list[int]()

    def ask() -> int:
        asked.append(len(asked))
        return asked[-1]

    shared = Shared(ask, 5.0, lambda: now[0])
    assert [shared(), shared()] == [0, 0]
    now[0] = 104.9
    assert shared() == 0
    now[0] = 105.0
    assert shared() == 1


def test_what_is_raised_is_not_kept() -> None:
    answers = iter([ValueError("off"), 7])

    def ask() -> int:
        if isinstance(answer := next(answers), Exception):
            raise answer
        return answer

    shared = Shared(ask, 5.0, lambda: 0.0)
    with pytest.raises(ValueError, match="off"):
        shared()
    assert shared() == 7


def test_those_who_ask_at_once_wait_for_one_question() -> None:
    asked = threading.Semaphore(1)

    def ask() -> bool:
        first = asked.acquire(blocking=False)
        time.sleep(0.05)
        return first

    shared = Shared(ask, 60.0, time.monotonic)
    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(lambda _: shared(), range(8))) == [True] * 8
