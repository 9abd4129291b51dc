"""Rows of the catalogue: data files beside this module, one row a line."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any


def read_rows(kind: str) -> list[dict[str, Any]]:
    # Not importlib.resources: importing that takes 13 ms, reading a file 1 to 3.
    found: list[dict[str, Any]] = json.loads(Path(__file__).with_name(f"{kind}.json").read_text(encoding="utf-8"))
    return found


def key_of(spelling: str) -> str:
    """What spellings are compared by: letters and digits, lower case."""
    return "".join(letter for letter in spelling.lower() if letter.isalnum())
