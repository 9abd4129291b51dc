"""Matches texts against regular expressions and JSON Schemas, as a program of its own that can be killed.

One JSON object a line comes in (`kind`, `rule`, `text`), one JSON text a line goes out: what is wrong, empty if
nothing. It imports nothing of this package, so that it starts from its path alone.
"""

from __future__ import annotations

import json
import re
import sys
from typing import Any

LONGEST = 300  # characters of what is said; a schema's message quotes the whole answer


def wrong(kind: str, rule: Any, text: str) -> str:
    if kind == "regex":
        return "" if re.search(rule, text) else f"does not match {rule}"
    return schema_wrong(rule, text)


def schema_wrong(schema: Any, text: str) -> str:
    from jsonschema import Draft202012Validator
    from jsonschema.exceptions import best_match
    from referencing import Registry

    try:
        answer = json.loads(text)
    except ValueError as error:
        return f"is not JSON: {error}"
    # An empty registry, because the default one fetches what a `$ref` names.
    found = best_match(Draft202012Validator(schema, registry=Registry()).iter_errors(answer))
    return f"{found.json_path}: {found.message}" if found else ""


def main() -> None:
    for line in sys.stdin:
        asked = json.loads(line)
        try:
            said = wrong(asked["kind"], asked["rule"], asked["text"])
        except Exception as error:  # noqa: BLE001 - a rule that cannot be applied is an answer, and the next one waits
            said = f"cannot be checked: {error}"
        print(json.dumps(said[:LONGEST]), flush=True)  # noqa: T201 - the other end of a pipe


if __name__ == "__main__":
    main()
