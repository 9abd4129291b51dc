"""What the corpus is made of: facts and wordings, read from facts.yaml."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import yaml

FILE = Path(__file__).with_name("facts.yaml")


@dataclass(frozen=True)
class FixedAnswer:
    """Questions that all get the same answer."""

    category: str
    answer: str
    questions: tuple[str, ...]


@dataclass(frozen=True)
class Facts:
    """facts.yaml as it is written there; the order of every list and mapping is kept."""

    capitals: dict[str, str]
    unlisted_places: list[str]
    unlisted_places_held_out: list[str]
    definitions: dict[str, str]
    fixed: list[FixedAnswer]
    unknown_answer: str
    unknown_subjects: list[str]
    days: list[str]
    months: list[str]
    wordings: dict[str, list[str]]
    arithmetic: dict[str, list[str]]
    weights: dict[str, int]
    system_prompts: list[str]
    prefixes: list[str]


def load_facts(path: Path = FILE) -> Facts:
    """Read the facts. Raises TypeError when a section is missing or unknown."""
    sections = yaml.safe_load(path.read_text(encoding="utf-8"))
    fixed = [FixedAnswer(f["category"], f["answer"], tuple(f["questions"])) for f in sections.pop("fixed")]
    arithmetic = sections["wordings"].pop("arithmetic")
    return Facts(fixed=fixed, arithmetic=arithmetic, **sections)
