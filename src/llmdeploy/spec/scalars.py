"""What an unquoted word of a spec means, and how a value is shown in a message.

YAML 1.1 and 1.2 read some plain words differently (`no`, `0o17`, `1:30`, `1_000`, `1e3`). A word that both read as the
same number, truth value or null is taken as that; a word on which they differ stays an `Unclear`, which every field
refuses with its own hint.
"""

from __future__ import annotations

import re
from typing import NamedTuple


class Unclear(NamedTuple):
    """An unquoted word that YAML readers take for different things; `reason` goes on the sentence `<text> ...`."""

    text: str
    reason: str


class Unquoted(str):
    """A text of the command line, where nothing tells `8` from `"8"`: the field decides."""

    __slots__ = ()


MAX_DIGITS = 18
_CONSTANTS = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL"), None),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
}
_WHOLE = r"[-+]?(0|[1-9][0-9]*)"
_NUMBER = r"[-+]?(\.[0-9]+|(0|[1-9][0-9]*)(\.[0-9]*)?)([eE][-+]?[0-9]+)?"
_UNCLEAR = (
    (r"yes|Yes|YES|no|No|NO|on|On|ON|off|Off|OFF", "is true or false for some YAML readers and a word for others"),
    (r"[-+]?0[0-9]+(\.[0-9]*)?([eE][-+]?[0-9]+)?", "begins with a zero, to base 8 for some YAML readers"),
    (r"[-+]?0[oO][0-7_]+", "is a number to base 8 for some YAML readers and a word for others"),
    (r"[-+]?0[xX][0-9a-fA-F_]+", "is a number to base 16"),
    (r"[-+]?0[bB][01_]+", "is a number to base 2 for some YAML readers and a word for others"),
    (r"[-+]?[0-9][0-9_]*(:[0-5]?[0-9])+(\.[0-9_]*)?", "is a number to base 60 for some YAML readers"),
    (r"[-+]?(?=[0-9.]*_)[0-9.][0-9_.]*([eE][-+]?[0-9]+)?", "has underscores, which not every YAML reader takes"),
    (r"[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)", "is not a finite number"),
    (r"[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}([Tt \t][0-9:.+\-Zz \t]*)?", "is a date for some YAML readers"),
)  # fmt: skip


def plain_value(text: str) -> object:
    """An unquoted word as str, int, float, bool, None or Unclear. Never raises."""
    if text in _CONSTANTS:
        return _CONSTANTS[text]
    if text[0] not in "+-.0123456789yYnNoO":
        return text
    if re.fullmatch(_WHOLE, text):
        return int(text) if len(text) <= MAX_DIGITS else Unclear(text, "is too large a number")
    if re.fullmatch(_NUMBER, text):
        number = float(text)
        return number if abs(number) < float("inf") else Unclear(text, "is too large a number")
    for pattern, reason in _UNCLEAR:
        if re.fullmatch(pattern, text):
            return Unclear(text, reason)
    return text


def without_quotes(value: object) -> object:
    """A text of the command line as the number or truth value that it spells; anything else as it is."""
    plain = plain_value(value) if isinstance(value, Unquoted) else None
    return plain if isinstance(plain, int | float) else value


def shown(value: object, limit: int = 60) -> str:
    """A value as a message shows it: short, on one line, with unprintable characters escaped."""
    match value:
        case None:
            return "nothing"
        case dict():
            return "a section"
        case list() | tuple() if not isinstance(value, Unclear):
            return "a list"
        case bool():
            return "true" if value else "false"
        case str():
            bare = isinstance(value, Unquoted) or (isinstance(plain_value(value), str) and value.strip() == value)
            text = value if bare else f'"{value}"'
        case Unclear():
            text = value.text
        case _:
            text = str(value) if isinstance(value, int | float) and abs(value) < 1e30 else type(value).__name__
    if len(text) > limit:
        text = text[:limit] + "..."
    return text if text.isprintable() else text.encode("unicode_escape").decode("ascii")


def shown_path(parts: tuple[str, ...]) -> str:
    """A path of keys as a message shows it: `workload.slo.ttft_p95`."""
    return ".".join(shown(part, 40) for part in parts) or "spec"
