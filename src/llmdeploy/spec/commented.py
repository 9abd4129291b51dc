"""The commented spec that `llmdeploy init` writes, made from the fields: example and schema cannot drift apart."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

from pydantic.fields import FieldInfo

from llmdeploy.spec.fields import Spec
from llmdeploy.spec.section import Section
from llmdeploy.spec.walk import kind_of, section_of

COMMENT_COLUMN = 34
HEADER = """\
# One deployment of one language model. Every value here is its default: change what you need, remove the rest.
# Lines that begin with "# " and a key are optional; remove the "# " to use them. `llmdeploy up` brings this to life.
"""


def commented_spec() -> str:
    """YAML text with every field, its default and its description; it parses to the defaults."""
    return HEADER + "\n" + "\n".join(_lines(Spec, 0)) + "\n"


def _lines(section: type[Section], depth: int) -> Iterator[str]:
    after_section = False
    for name, info in section.model_fields.items():
        inner = section_of(info)
        if depth == 0 and (inner or after_section):
            yield ""
        after_section = inner is not None
        if inner is None:
            yield _line(name, info, depth)
            continue
        yield _with_comment(f"{'  ' * depth}{name}:", info)
        yield from _lines(inner, depth + 1)


def _line(name: str, info: FieldInfo, depth: int) -> str:
    optional = info.default in (None, "")
    value = (info.examples or [""])[0] if optional else kind_of(info).show(info.default)
    return _with_comment(f"{'  ' * depth}{'# ' if optional else ''}{name}: {_plain(value)}", info)


def _with_comment(text: str, info: FieldInfo) -> str:
    return f"{text:<{COMMENT_COLUMN}} # {info.description}"


def _plain(value: object) -> str:
    """A value as YAML: words as they are, the rest as JSON, which is YAML too."""
    unquoted = isinstance(value, str) and re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._/ -]*", value)
    return str(value) if unquoted and not re.fullmatch(r"[0-9a-f]{7,40}", str(value)) else json.dumps(value)
