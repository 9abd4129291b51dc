"""What the tests read out of the pages: fenced blocks, commands, links."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.checkout import ROOT, files

FENCE = re.compile(r"^(?P<indent> *)```(?P<kind>\w*)[^\n]*\n(?P<text>.*?)^(?P=indent)```", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"(?<!!)\[[^\]]*\]\((?P<target>[^)\s]+)\)|!\[[^\]]*\]\((?P<image>[^)\s]+)\)")
SEPARATORS = {"&&", "||", "|", ";", "&", ">", "<", ">>", "(", ")"}
COMMANDS = ("llmdeploy", "scripts/llmdeploy")


@dataclass(frozen=True)
class Block:
    """One fenced block: the word after its fence, its text, and the file and line where it begins."""

    path: Path
    line: int
    kind: str
    text: str

    @property
    def where(self) -> str:
        return f"{self.path}:{self.line}"


def pages() -> list[Path]:
    """Every page of the checkout, relative to it."""
    return [path for path in files() if path.suffix == ".md"]


def guides() -> list[Path]:
    """The README and the guides: what people copy commands from."""
    return [path for path in pages() if path == Path("README.md") or path.parts[:2] == ("docs", "guides")]


def read(path: Path) -> str:
    return (ROOT / path).read_text("utf-8")


def blocks(path: Path) -> Iterator[Block]:
    text = read(path)
    for found in FENCE.finditer(text):
        yield Block(path, text.count("\n", 0, found.start()) + 1, found["kind"], found["text"])


def links(path: Path) -> Iterator[str]:
    """Targets of links and pictures, outside of fenced blocks."""
    for found in LINK.finditer(FENCE.sub("", read(path))):
        yield found["target"] or found["image"]


def commands(block: Block) -> Iterator[list[str]]:
    """The words of each llmdeploy command of a `sh` block, or of the `$ ` lines of a `console` block."""
    text = block.text.replace("\\\n", " ")
    lines = [line.strip() for line in text.splitlines()]
    if block.kind == "console":
        lines = [line.removeprefix("$ ") for line in lines if line.startswith("$ ")]
    for line in lines:
        for words in _parts(line):
            while words and re.fullmatch(r"[A-Z_]+=.*", words[0]):
                words = words[1:]
            if words and words[0] in COMMANDS:
                yield words[1:]


def _parts(line: str) -> Iterator[list[str]]:
    """The commands of one line, each as its words."""
    lexer = shlex.shlex(line, posix=True, punctuation_chars=True)
    lexer.whitespace_split = True
    part: list[str] = []
    for word in lexer:
        if word in SEPARATORS:
            yield part
            part = []
        else:
            part.append(word)
    yield part
