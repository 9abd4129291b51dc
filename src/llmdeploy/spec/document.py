"""YAML text to plain values with their lines, by reading the parser's events one by one: no recursion, no constructors.

Anchors, aliases, tags and merge keys are refused, so a short file cannot grow; depth and number of entries are bounded
while reading, so a hostile one is refused early.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import takewhile
from typing import TYPE_CHECKING, Any, NamedTuple, NoReturn

from llmdeploy.errors import Problem
from llmdeploy.spec.characters import decoded, forbidden_character
from llmdeploy.spec.problems import spec_error
from llmdeploy.spec.scalars import plain_value, shown, shown_path
from llmdeploy.spec.syntax import syntax_problem

if TYPE_CHECKING:
    from yaml import CollectionStartEvent, Event, ScalarEvent

MAX_DEPTH = 32
MAX_ENTRIES = 10_000
KeyPath = tuple[str, ...]
_NOWHERE = "\0"  # begins the path of a value that no key leads to; no key of a spec holds it


class Place(NamedTuple):
    """Where a value stands (1-based line of its key), and its text where it is a single word."""

    line: int
    text: str | None = None


@dataclass
class Document:
    """A spec as written: plain values, the place of each by its path, and what is wrong with the writing."""

    tree: dict[str, Any] = field(default_factory=dict)
    places: dict[KeyPath, Place] = field(default_factory=dict)
    problems: list[tuple[KeyPath, Problem]] = field(default_factory=list)


def read_document(text: str | bytes, source: str, most: int = MAX_ENTRIES) -> Document:
    """The document of a text of at most so many values.

    Raises SpecError where reading cannot go on; other faults are in `problems`.
    """
    characters = decoded(text, source)
    builder = _Builder(source, most)
    for event in events(characters):
        if isinstance(event, Problem):
            raise spec_error([*(problem for _, problem in builder.document.problems), event], source)
        builder.take(event)
    return builder.finished()


def events(text: str) -> Iterator[Event | Problem]:
    """The parser's events; at the first place that is not YAML, a problem in place of the next one."""
    import yaml

    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)(text)
    try:
        while loader.check_event():
            yield loader.get_event()
    except (yaml.YAMLError, ValueError, OverflowError) as error:  # the pure loader lets `chr` fail on "\UFFFFFFFF"
        yield syntax_problem(error, text)
    finally:
        loader.dispose()


@dataclass
class _Frame:
    """A mapping or list that is being read. `key` is the mapping's key that waits for its value."""

    container: dict[str, Any] | list[Any]
    path: KeyPath
    key: str | None = None
    keyed: bool = False


class _Builder:
    """Takes events in order and grows the document."""

    def __init__(self, source: str, most: int) -> None:
        self.source = source
        self.most = most
        self.document = Document()
        self.frames: list[_Frame] = []
        self.root: object = None
        self.entries = 0
        self.documents = 0

    def take(self, event: Event) -> None:
        """One event. Raises SpecError where the document is too deep or too long, or is the second one."""
        import yaml

        line = event.start_mark.line + 1 if event.start_mark else 1
        match event:
            case yaml.DocumentStartEvent():
                self.documents += 1
                if self.documents > 1:
                    self._stop("a second document begins here", "a file holds one spec: remove the line with ---", line)
            case yaml.ScalarEvent():
                self._scalar(event, line)
            case yaml.AliasEvent():
                self._object(
                    line, f"the alias *{shown(event.anchor)} stands for another value", "write the value itself"
                )
                self._attach(None, line)
            case yaml.MappingStartEvent():
                self._open({}, event, line)
            case yaml.SequenceStartEvent():
                self._open([], event, line)
            case yaml.CollectionEndEvent():
                self.frames.pop()

    def finished(self) -> Document:
        """The document. Raises SpecError where it is not a mapping."""
        if isinstance(self.root, dict):
            self.document.tree = self.root
        elif self.root is not None:
            self._stop(
                f"{shown(self.root)} stands where sections should", "write `key: value` lines: llmdeploy init", 1
            )
        return self.document

    def _open(self, container: dict[str, Any] | list[Any], event: CollectionStartEvent, line: int) -> None:
        self._refuse_marks(event, line)
        self.frames.append(_Frame(container, self._attach(container, line)))
        if len(self.frames) > MAX_DEPTH:
            self._stop(f"sections are nested more than {MAX_DEPTH} deep", "a spec is at most 4 deep", line)

    def _scalar(self, event: ScalarEvent, line: int) -> None:
        self._refuse_marks(event, line)
        text, plain = event.value, bool(event.implicit[0])
        frame = self.frames[-1] if self.frames else None
        if frame and isinstance(frame.container, dict) and not frame.keyed:
            self._key(frame, text, plain, line)
            return
        path = self._attach(plain_value(text) if plain else text, line, text)
        if wrong := forbidden_character(text):
            self._object(line, wrong, "write it without", path)

    def _key(self, frame: _Frame, text: str, plain: bool, line: int) -> None:
        """The key of the next value. A merge key, and a key that was there before, takes its value with it."""
        frame.key, frame.keyed = None, True
        path = (*frame.path, text)
        if text == "<<" and plain:
            self._object(line, "merge keys (<<) are not taken", "write the values themselves", path)
        elif path in self.document.places:
            first = self.document.places[path].line
            self._object(line, f"is written twice, in lines {first} and {line}", "keep one of them", path)
        else:
            frame.key = text
            self.document.places[path] = Place(line)

    def _attach(self, value: object, line: int, text: str | None = None) -> KeyPath:
        """Put a value where it belongs, and give its path; what belongs nowhere gets a path of its own."""
        self.entries += 1
        if self.entries > self.most:
            self._stop(f"the file has more than {self.most} values", "is this the right file?", line)
        if not self.frames:
            self.root = value
            return ()
        frame = self.frames[-1]
        if isinstance(frame.container, list):
            frame.container.append(value)
            return (*frame.path, str(len(frame.container) - 1))
        if not frame.keyed:
            self._object(line, "a list, a section or an alias stands where a key should", "keys are single words")
            frame.keyed = True
            return (*frame.path, f"{_NOWHERE}{self.entries}")
        key, frame.key, frame.keyed = frame.key, None, False
        if key is None:
            return (*frame.path, f"{_NOWHERE}{self.entries}")
        path = (*frame.path, key)
        frame.container[key] = value
        self.document.places[path] = Place(self.document.places[path].line, text)
        return path

    def _refuse_marks(self, event: ScalarEvent | CollectionStartEvent, line: int) -> None:
        if event.anchor:
            message = f"the anchor &{shown(event.anchor)} names a value"
            self._object(line, message, "remove it, and write each value out")
        if event.tag:
            tag = event.tag.replace("tag:yaml.org,2002:", "!!")
            message = f"the tag {shown(tag)} changes how a value is read"
            self._object(line, message, "remove it; put texts that begin with ! in quotes")

    def _object(self, line: int, message: str, hint: str, path: KeyPath | None = None) -> None:
        """Note a fault at `path`, or at the key that is being read."""
        if path is None:
            frame = self.frames[-1] if self.frames else None
            path = () if frame is None else (*frame.path, *((frame.key,) if frame.key is not None else ()))
        known = tuple(takewhile(lambda part: not part.startswith(_NOWHERE), path))
        self.document.problems.append((path, Problem(shown_path(known), message, hint, line)))

    def _stop(self, message: str, hint: str, line: int) -> NoReturn:
        problems = [problem for _, problem in self.document.problems]
        raise spec_error([*problems, Problem("spec", message, hint, line)], self.source)
