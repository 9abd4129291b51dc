"""What to say of a key that no spec has."""

from __future__ import annotations

from llmdeploy.spec.fields import Spec
from llmdeploy.spec.walk import field_paths, section_at


def unknown_key_hint(path: tuple[str, ...]) -> str:
    """Where the key belongs, what was perhaps meant, or which keys there are."""
    from difflib import get_close_matches

    keys = list((section_at(path[:-1]) or Spec).model_fields)
    word = path[-1]
    known = list(field_paths())
    if "." in word and tuple(word.split(".")) in known:
        *sections, key = word.split(".")
        return f"write `{key}:` on a line of its own, indented below `{sections[-1]}:`"
    if near := get_close_matches(word[:40].lower().replace("-", "_"), keys, n=1, cutoff=0.7):
        return f"did you mean {near[0]}?"
    here = f"the keys here are {', '.join(keys)}"
    home = next((place[:-1] for place in known if place[-1] == word), None)
    if home is None:
        return here
    return f"it belongs to {'.'.join(home)}; {here}" if home else f"it belongs in the first column; {here}"
