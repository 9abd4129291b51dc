"""The one error of the set-up."""

from __future__ import annotations


class SetupError(Exception):
    """What is wrong, and what to do about it: one line each."""

    def __init__(self, message: str, hint: str) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
