"""Kinds of values that a spec's field can have: what is accepted, what to say of the rest, and the JSON Schema of it.

A kind stands in the annotation of a field, `Annotated[int, Whole(1, 4096)]`, and is all that pydantic asks about the
value; so a refusal is always in our words, and the parser and the editors' schema have one source.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Literal

from pydantic_core import core_schema

from llmdeploy.spec.scalars import Unclear, shown, without_quotes

if TYPE_CHECKING:
    from pydantic import GetCoreSchemaHandler

WRITTEN = "written"
"""The validation context of values that a person wrote, as against values that code passes to a constructor."""


class RefusedError(ValueError):
    """A value that its field does not take. The message ends the sentence `<value> ...`; `hint` says what to write."""

    def __init__(self, predicate: str, hint: str) -> None:
        super().__init__(predicate)
        self.hint = hint


class Kind:
    """One kind of value. `hint` tells what to write; `optional` fields also take nothing at all (null)."""

    hint = ""
    json_form: Literal["json", "json-unless-none"] = "json-unless-none"

    def __init__(self, optional: bool = False) -> None:
        self.optional = optional

    def read(self, value: object, written: bool) -> object:
        """The value as code uses it. Raises RefusedError."""
        raise NotImplementedError

    def show(self, value: Any) -> object:
        """The value in JSON types, as `read` takes it back."""
        return value

    def form(self) -> dict[str, Any]:
        """The JSON Schema of a written value."""
        raise NotImplementedError

    def schema(self) -> dict[str, Any]:
        return {"anyOf": [self.form(), {"type": "null"}]} if self.optional else self.form()

    def hint_unclear(self, value: Unclear) -> str:
        """What to write for an unquoted word that YAML readers take for different things."""
        return self.hint

    def _validate(self, value: object, info: core_schema.ValidationInfo) -> object:
        if value is None:
            if self.optional:
                return None
            raise RefusedError("has no value", f"{self.hint}, or remove the line")
        if isinstance(value, Unclear):
            raise RefusedError(value.reason, self.hint_unclear(value))
        return self.read(value, info.context == WRITTEN)

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> core_schema.CoreSchema:
        return core_schema.with_info_plain_validator_function(
            self._validate,
            serialization=core_schema.plain_serializer_function_ser_schema(self.show, when_used=self.json_form),
        )


class Text(Kind):
    """A text that matches a pattern as a whole (a regular expression that Python and ECMAScript read alike)."""

    def __init__(self, what: str, pattern: str, hint: str, longest: int = 4096) -> None:
        super().__init__()
        self.what, self.pattern, self.longest = what, pattern, longest
        self.hint = hint

    def read(self, value: object, written: bool) -> object:
        if not isinstance(value, str):
            single = isinstance(value, int | float)
            raise RefusedError(f"is not {self.what}", "put it in quotes" if single else self.hint)
        if len(value) > self.longest:
            raise RefusedError(f"is longer than {self.longest} characters", self.hint)
        if not re.fullmatch(self.pattern, value):
            raise RefusedError(f"is not {self.what}", self.hint)
        return str(value)

    def hint_unclear(self, value: Unclear) -> str:
        return f'put it in quotes: "{shown(value)}"'

    def form(self) -> dict[str, Any]:
        return {"type": "string", "pattern": f"^(?:{self.pattern})$", "maxLength": self.longest}


class Choice(Kind):
    """One of a few words; with `any_case` also written in capitals."""

    def __init__(self, options: tuple[str, ...], any_case: bool = False, hint: str = "") -> None:
        super().__init__()
        self.options, self.any_case = options, any_case
        self.hint = hint or f"write one of {', '.join(options)}"

    def read(self, value: object, written: bool) -> object:
        word = value.lower() if isinstance(value, str) and self.any_case else value
        if isinstance(word, str) and word in self.options:
            return str(word)
        raise RefusedError("is not one of the choices", self._nearest(word) or self.hint)

    def _nearest(self, word: object) -> str:
        from difflib import get_close_matches

        near = get_close_matches(str(word)[:40].lower(), self.options, n=1)
        return f"did you mean {near[0]}? {self.hint}" if near else ""

    def form(self) -> dict[str, Any]:
        words = {"enum": list(self.options)}
        if not self.any_case:
            return words
        letters = [re.sub("[a-z]", lambda letter: f"[{letter[0].upper()}{letter[0]}]", word) for word in self.options]
        return {"anyOf": [words, {"type": "string", "pattern": f"^(?:{'|'.join(letters)})$"}]}


class Number(Kind):
    """A number from `least` to `most`, both included."""

    what, json_type = "number", "number"

    def __init__(self, least: float, most: float, optional: bool = False) -> None:
        super().__init__(optional)
        self.least, self.most = least, most
        self.hint = f"write a {self.what} from {least} to {most}"

    def read(self, value: object, written: bool) -> object:
        value = without_quotes(value)
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise RefusedError(f"is not a {self.what}", self.hint)
        if not self.least <= value <= self.most:
            raise RefusedError(f"is {'less' if value < self.least else 'more'} than {self._bound(value)}", self.hint)
        return self.converted(value)

    def _bound(self, value: float) -> float:
        return self.least if value < self.least else self.most

    def converted(self, value: float) -> float:
        return float(value)

    def form(self) -> dict[str, Any]:
        return {"type": self.json_type, "minimum": self.least, "maximum": self.most}


class Whole(Number):
    """A whole number from `least` to `most`, both included."""

    what, json_type = "whole number", "integer"

    def converted(self, value: float) -> float:
        if isinstance(value, float) and not value.is_integer():
            raise RefusedError("is not a whole number", self.hint)
        return int(value)
