"""Bytes of a spec to text: UTF-8, and no characters that an editor does not show."""

from __future__ import annotations

import codecs
import re

from llmdeploy.errors import Problem, SpecError

MAX_BYTES = 2**20
_FOREIGN_MARKS = (
    (codecs.BOM_UTF32_LE, "UTF-32"),
    (codecs.BOM_UTF32_BE, "UTF-32"),
    (codecs.BOM_UTF16_LE, "UTF-16"),
    (codecs.BOM_UTF16_BE, "UTF-16"),
)
_FORBIDDEN = "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x84\x86-\x9f\ud800-\udfff\ufeff\ufffe\uffff]"
_SAVE_AS = "save the file as UTF-8"


def decoded(text: str | bytes, source: str) -> str:
    """The text, without a byte order mark.

    Raises SpecError for more than 1 MiB, for other encodings and for characters that do not show.
    """
    if len(text) > MAX_BYTES:
        raise too_large(source)
    if isinstance(text, bytes):
        text = _from_utf8(text, source)
    text = text.removeprefix("\ufeff")
    if found := re.search(_FORBIDDEN, text):
        raise SpecError([_forbidden(text, found)], source)
    return text


def too_large(source: str) -> SpecError:
    problem = Problem("spec", "the file is larger than 1 MiB", "a spec has some 50 lines: is this the right file?")
    return SpecError([problem], source)


def forbidden_character(text: str) -> str:
    """What is wrong with the first character that a spec does not take, or an empty text."""
    found = re.search(_FORBIDDEN, text)
    return f"has the character U+{ord(found[0]):04X}" if found else ""


def _from_utf8(data: bytes, source: str) -> str:
    for mark, name in _FOREIGN_MARKS:
        if data.startswith(mark):
            raise SpecError([Problem("spec", f"the file is {name}, not UTF-8", _SAVE_AS, 1)], source)
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        line = _line(data[: error.start].decode("latin-1"))
        message = f"the file is not UTF-8: byte 0x{data[error.start]:02x}"
        raise SpecError([Problem("spec", message, _SAVE_AS, line)], source) from None


def _forbidden(text: str, found: re.Match[str]) -> Problem:
    line, code = _line(text[: found.start()]), ord(found[0])
    if code == 0:
        hint = "this is not a text file, or it is UTF-16 without a mark: save it as UTF-8"
        return Problem("spec", "the file has NUL characters", hint, line)
    names = {
        0xFEFF: "a byte order mark in the middle (U+FEFF)",
        0x0C: "a form feed (U+000C)",
        0x1B: "an escape (U+001B)",
    }
    what = names.get(code, f"the character U+{code:04X}")
    return Problem(
        "spec", f"the file has {what}, which editors do not show", "delete it and write the line again", line
    )


def _line(before: str) -> int:
    return 1 + len(re.findall(r"\r\n?|\n", before))
