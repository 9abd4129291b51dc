"""Reads YAML as nodes, which know their lines, and collects what is wrong with them."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from llmdeploy.errors import Problem, SpecError

if TYPE_CHECKING:
    from yaml import Node

LARGEST_FILE = 2**18  # bytes; some thousand cases, and the YAML reader takes seconds for the worst of that size
MOST_PROBLEMS = 50
SHOWN = 60  # characters of what was written that a message repeats


def root_node(path: Path) -> Node | None:
    """The document of a small YAML file, None if it is empty. Raises `SpecError` where there is no reading it."""
    import yaml

    def refused(message: str, hint: str = "", line: int | None = None) -> SpecError:
        return SpecError([Problem(path.name, message, hint, line)], str(path))

    try:
        text = _text_of(path)
        # A few nested aliases stand for gigabytes. Only texts with both marks can have one, and pay for the look.
        for event in yaml.parse(text, Loader=yaml.SafeLoader) if "&" in text and "*" in text else ():
            if isinstance(event, yaml.AliasEvent):
                line = event.start_mark.line + 1 if event.start_mark else None
                raise refused("an alias (*) is not allowed", "write it out", line)
        node: Node | None = yaml.compose(text, Loader=yaml.SafeLoader)
    except OSError as error:
        raise refused(f"cannot be read: {error.strerror}", "give the path of a golden file") from error
    except UnicodeDecodeError as error:
        raise refused(f"byte {error.start} is not UTF-8", "save the file as UTF-8") from error
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark is not None else None
        raise refused(f"not YAML: {error.problem}", "", line) from error
    except (yaml.YAMLError, OverflowError) as error:
        raise refused(f"not YAML: {' '.join(str(error).split())}") from error
    except RecursionError as error:
        raise refused("nested too deeply", "a golden file needs a few levels") from error
    return node


def _text_of(path: Path) -> str:
    with path.open("rb") as file:
        raw = file.read(LARGEST_FILE + 1)
    if len(raw) > LARGEST_FILE:
        raise OSError(0, f"larger than {LARGEST_FILE} bytes")
    return raw.decode("utf-8-sig")


def kind_of(node: Node) -> str:
    """`mapping`, `sequence` or `scalar`."""
    return type(node).__name__.removesuffix("Node").lower()


def shown(text: str) -> str:
    """What was written, in quotes and not too long."""
    return repr(text if len(text) <= SHOWN else f"{text[:SHOWN]}...")


class NodeReader:
    """Collects `problems`; what is wrong reads as an empty value, so that the walk goes on and finds the rest."""

    def __init__(self, source: str) -> None:
        self.source = source
        self.problems: list[Problem] = []

    def number(self, fields: dict[str, Node], key: str, path: str, *, whole: bool = False) -> float | None:
        """A number above 0 under the key; None if it is missing or wrong."""
        text = self.scalar(fields, key, path)
        if text is None:
            return None
        if not re.fullmatch(r"\d{1,9}" if whole else r"\d{1,9}(\.\d{1,9})?", text) or not float(text):
            kind = "a whole number above 0" if whole else "a number above 0"
            self.wrong(fields[key], f"{path}.{key}", f"{shown(text)} is not {kind}", "")
            return None
        return float(text)

    def texts(self, fields: dict[str, Node], key: str, path: str) -> tuple[str, ...]:
        """One text or a list of them under the key; none if it is missing or wrong."""
        if key not in fields:
            return ()
        if kind_of(fields[key]) == "sequence":
            nodes = self.entries(fields[key], f"{path}.{key}")
            named = {f"{key}[{index}]": node for index, node in enumerate(nodes)}
        else:
            named = {key: fields[key]}
        return tuple(text for name in named if (text := self.text(named, name, path)))

    def text(self, fields: dict[str, Node], key: str, path: str) -> str | None:
        """A text that is not empty under the key; None if it is missing or wrong."""
        text = self.scalar(fields, key, path)
        if text is None:
            return None
        kind = fields[key].tag.rpartition(":")[2]
        if kind != "str":
            hint = f"write it in quotes: '{text[:SHOWN]}'"
            self.wrong(fields[key], f"{path}.{key}", f"{shown(text)} is read as {kind}, not as text", hint)
        elif not text:
            self.wrong(fields[key], f"{path}.{key}", "is empty", "write a text or leave it out")
        else:
            return text
        return None

    def scalar(self, fields: dict[str, Node], key: str, path: str) -> str | None:
        """What is written under the key, as it stands; None if it is missing or has parts."""
        if key not in fields:
            return None
        if kind_of(fields[key]) != "scalar":
            self.wrong(fields[key], f"{path}.{key}", f"is a {kind_of(fields[key])}, not one value", "")
            return None
        return str(fields[key].value)

    def entries(self, node: Node, path: str) -> list[Node]:
        """The entries of a list; none if it is not one."""
        if kind_of(node) != "sequence":
            self.wrong(node, path, f"is a {kind_of(node)}, not a list", "begin each entry with a dash")
            return []
        return list(node.value)

    def fields(
        self, node: Node, path: str, *, required: Iterable[str] = (), optional: Iterable[str] = ()
    ) -> dict[str, Node]:
        """The values of a mapping by key, known keys only; each other, doubled or missing one is a problem."""
        if kind_of(node) != "mapping":
            self.wrong(node, path or "cases", f"is a {kind_of(node)}, not keys with values", "write `key: value`")
            return {}
        known = (*required, *optional)
        found: dict[str, Node] = {}
        for key_node, value in node.value:
            key = str(key_node.value)[:SHOWN]
            where = f"{path}.{key}".lstrip(".")
            if key not in known:
                close = difflib.get_close_matches(key, known, 1)
                hint = f"did you mean {close[0]}?" if close else f"one of {', '.join(known)}"
                self.wrong(key_node, where, "there is no such key", hint)
            elif key in found:
                self.wrong(key_node, where, "is there twice", "keep one")
            else:
                found[key] = value
        for key in [key for key in required if key not in found]:
            self.wrong(node, f"{path}.{key}".lstrip("."), "is missing", "")
        return found

    def wrong(self, node: Node, path: str, message: str, hint: str) -> None:
        """Notes a problem at the line of the node; raises `SpecError` when there are too many to go on."""
        self.problems.append(Problem(path, message, hint, node.start_mark.line + 1))
        if len(self.problems) == MOST_PROBLEMS:
            more = Problem(self.source, f"not read on after {MOST_PROBLEMS} problems", "mend these first")
            raise SpecError([*self.problems, more], self.source)
