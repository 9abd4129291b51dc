"""Plain values to a Spec, or to every problem that they have, each with its path, its line and what to write."""

from __future__ import annotations

from collections.abc import Mapping
from copy import deepcopy
from typing import Any

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from llmdeploy.errors import Problem
from llmdeploy.spec.document import Document, KeyPath
from llmdeploy.spec.fields import Spec
from llmdeploy.spec.kinds import WRITTEN, RefusedError
from llmdeploy.spec.overrides import merged
from llmdeploy.spec.problems import COMMAND_LINE, MOST_PROBLEMS, spec_error
from llmdeploy.spec.rules import broken_rules
from llmdeploy.spec.scalars import Unquoted, shown, shown_path
from llmdeploy.spec.unknown_keys import unknown_key_hint
from llmdeploy.spec.walk import field_paths, section_at


def build_spec(document: Document, source: str, overrides: Mapping[str, object]) -> Spec:
    """The spec of a document and the command line's values. Raises SpecError with everything that is wrong."""
    given = {tuple(path.split(".")): value for path, value in overrides.items() if value is not None}
    known = set(field_paths()) if given else set()
    checker = _Checker(document, frozenset(given))
    for path in given.keys() - known:
        checker.unknown_override(path)
    tree = merged(document.tree, {path: value for path, value in given.items() if path in known})
    spec = checker.check(tree)
    if checker.problems or spec is None:
        raise spec_error(checker.problems, source)
    return spec


class _Checker:
    """Collects the problems of one document."""

    def __init__(self, document: Document, overridden: frozenset[KeyPath]) -> None:
        self.document, self.overridden = document, overridden
        self.faulty = {path for path, _ in document.problems if path}
        self.problems = [problem for _, problem in document.problems]

    def check(self, tree: dict[str, Any]) -> Spec | None:
        """The spec, or None where a field is wrong. Rules are checked over the fields that are right."""
        try:
            spec = Spec.model_validate(tree, context=WRITTEN)
        except ValidationError as error:
            details = error.errors(include_url=False)
            for detail in details:
                self._field(detail)
            self._rules(_rest(tree, details))
            return None
        self._rules(spec)
        return spec

    def unknown_override(self, path: KeyPath) -> None:
        self.problems.append(Problem(shown_path(path), "unknown key", unknown_key_hint(path), source=COMMAND_LINE))

    def _field(self, detail: ErrorDetails) -> None:
        path = tuple(map(str, detail["loc"]))
        if not self._is_faulty(path):
            self._add(path, *self._words(path, detail))
        self.faulty.add(path)

    def _words(self, path: KeyPath, detail: ErrorDetails) -> tuple[str, str]:
        value, refused = detail["input"], detail.get("ctx", {}).get("error")
        if isinstance(refused, RefusedError):
            written = "" if value is None else f"{self._as_written(path, value)} "
            return f"{written}{refused}", refused.hint
        if detail["type"] == "extra_forbidden":
            return "unknown key", unknown_key_hint(path) if len(self.problems) < MOST_PROBLEMS else ""
        section = section_at(path)
        keys = ", ".join(section.model_fields) if section else ""
        return f"{shown(value)} stands where keys should", f"write keys below it, indented: {keys}"

    def _as_written(self, path: KeyPath, value: object) -> str:
        place = None if self._is_overridden(path) else self.document.places.get(path)
        if isinstance(value, str) or place is None or place.text is None:
            return shown(value)
        return shown(Unquoted(place.text))

    def _rules(self, spec: Spec) -> None:
        for broken in broken_rules(spec):
            paths = [tuple(name.split(".")) for name in broken.fields]
            if not any(self._is_faulty(path) for path in paths):
                given = any(self._is_overridden(path) for path in paths)
                self._add(paths[0], broken.message, broken.hint, given)

    def _add(self, path: KeyPath, message: str, hint: str, given: bool = False) -> None:
        if given or self._is_overridden(path):
            self.problems.append(Problem(shown_path(path), message, hint, source=COMMAND_LINE))
        else:
            self.problems.append(Problem(shown_path(path), message, hint, self._line(path)))

    def _is_faulty(self, path: KeyPath) -> bool:
        return any(one in self.faulty for one in _prefixes(path))

    def _is_overridden(self, path: KeyPath) -> bool:
        return any(one in self.overridden for one in _prefixes(path))

    def _line(self, path: KeyPath) -> int | None:
        places = self.document.places
        return next((places[one].line for one in _prefixes(path) if one in places), None)


def _prefixes(path: KeyPath) -> list[KeyPath]:
    """The path itself, then its sections, the innermost first."""
    return [path[:length] for length in range(len(path), 0, -1)]


def _rest(tree: dict[str, Any], details: list[ErrorDetails]) -> Spec:
    """What is left of a tree without its wrong values."""
    rest = deepcopy(tree)
    for detail in details:
        _remove(rest, tuple(map(str, detail["loc"])))
    return Spec.model_validate(rest, context=WRITTEN)


def _remove(tree: dict[str, Any], path: KeyPath) -> None:
    for part in path[:-1]:
        if not isinstance(tree.get(part), dict):
            tree.pop(part, None)
            return
        tree = tree[part]
    tree.pop(path[-1], None)
