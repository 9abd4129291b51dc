"""What the YAML reader objects to, in words of our own."""

from __future__ import annotations

from llmdeploy.errors import Problem

_ALIGN = "keys of one section begin in the same column, each followed by a colon and a space"
_WORDS = (
    ("mapping values are not allowed", "a colon stands where none fits", f"put texts with a colon in quotes; {_ALIGN}"),
    ("block mapping", "the line does not fit the section that it stands in", _ALIGN),
    ("expected ':'", "a colon is missing after a key", "write `key: value`"),
    ("expected <block end>", "the line does not fit the section that it stands in", _ALIGN),
    ("block collection", "the line does not fit the list that it stands in", _ALIGN),
    ("flow sequence", "a [ is not closed, or a comma is missing in it", "close it with ]"),
    ("flow mapping", "a { is not closed, or a comma is missing in it", "close it with }"),
    ("expected ',' or ']'", "a [ is not closed, or a comma is missing in it", "close it with ]"),
    ("expected ',' or '}'", "a { is not closed, or a comma is missing in it", "close it with }"),
    ("unexpected end of stream", "a quote is not closed", "close it on the same line"),
    ("document separator", "a quote is not closed", "close it before the line with --- or ..."),
    ("unknown escape", "a backslash begins no escape that YAML knows", "use single quotes: 'C:\\models'"),
    ("hexdecimal", "a backslash escape has too few digits", "use single quotes where no escape is meant"),
    ("hexadecimal", "a backslash escape has too few digits", "use single quotes where no escape is meant"),
    ("character escape code", "a backslash escape names no character", "use single quotes where no escape is meant"),
    ("cannot start any token", "the line begins with a character that YAML keeps for itself", "put the text in quotes"),
    ("not allowed in this context", "a list or a key stands where a value should", _ALIGN),
    ("document start", "text stands before or after the document", "a file holds one spec; remove what is around it"),
    ("undefined tag handle", "a tag (!) stands before a value", "write plain values"),
    ("anchor", "an anchor (&) or alias (*) has no name", "put texts that begin with & or * in quotes"),
    ("alias", "an anchor (&) or alias (*) has no name", "put texts that begin with & or * in quotes"),
    ("directive", "a line begins with %", "remove the line, or put the text in quotes"),
    ("incompatible yaml", "the %YAML line asks for another version", "remove the line"),
    ("tag", "a tag (!) stands before a value", "put texts that begin with ! in quotes"),
    ("block scalar", "a text after | or > is not indented as it should", "write the value on one line, in quotes"),
)  # fmt: skip
_OTHER = ("the line is not YAML", "write `key: value`, indented with spaces")


def syntax_problem(error: Exception, text: str) -> Problem:
    """The one fault at which the YAML reader stopped, with its line where the reader tells it."""
    mark = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
    line = mark.line + 1 if mark else None
    lines = text.splitlines()
    if line and line <= len(lines) and "\t" in lines[line - 1][: _indentation(lines[line - 1])]:
        return Problem("spec", "the line is indented with a tab", "indent with spaces", line)
    said = f"{getattr(error, 'problem', '')} {getattr(error, 'context', '')}".lower()
    message, hint = next((words[1:] for words in _WORDS if words[0] in said), _OTHER)
    return Problem("spec", message, hint, min(line, max(len(lines), 1)) if line else None)


def _indentation(line: str) -> int:
    return len(line) - len(line.lstrip(" \t"))
