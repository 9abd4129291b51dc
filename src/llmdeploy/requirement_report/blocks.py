"""What both renderings are made of: sections of blocks. Texts are plain; a renderer escapes them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from llmdeploy.html_report.markup import Markup


@dataclass(frozen=True)
class Paragraph:
    """`warn` where something must be known before anything is spent."""

    text: str
    warn: bool = False


@dataclass(frozen=True)
class Heading:
    text: str
    level: int = 3


@dataclass(frozen=True)
class Pairs:
    """Terms and what they are."""

    found: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Points:
    found: tuple[str, ...]


@dataclass(frozen=True)
class Commands:
    """Lines for a shell, each with what it does."""

    found: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Table:
    """The first column names its row. `figures` are the columns of numbers; `marked` is the row that was chosen."""

    caption: str
    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    figures: tuple[int, ...] = ()
    marked: int | None = None


@dataclass(frozen=True)
class Chart:
    """A picture, and the same figures as a table for whoever cannot see it."""

    title: str
    draw: Callable[[], Markup]
    table: Table
    note: str = ""


Block = Paragraph | Heading | Pairs | Points | Commands | Table | Chart


@dataclass(frozen=True)
class Section:
    id: str
    title: str
    blocks: tuple[Block, ...]
