"""Values of the command line, merged into what the file says."""

from __future__ import annotations

from collections.abc import Mapping
from copy import deepcopy
from typing import Any

from llmdeploy.spec.scalars import Unquoted

OF_ONE_MODEL = ("revision", "file")
"""Fields of `model` that name a part of one repository, so another model takes nothing from them."""
_ID = ("model", "id")


def merged(tree: dict[str, Any], overrides: Mapping[tuple[str, ...], object]) -> dict[str, Any]:
    """A copy of `tree` in which every override stands at its path, which is one of a field or section.

    Another `model.id` than the file's leaves the revision and file name of the old model behind. Where the tree has a
    single value in place of a section, it keeps it: the section refuses it.
    """
    result = deepcopy(tree)
    model = result.get("model")
    if isinstance(model, str) and any(path[0] == "model" for path in overrides):
        result["model"] = {"id": model}
    if isinstance(model, dict) and overrides.get(_ID) not in (None, model.get("id", "demo")):
        result["model"] = {key: value for key, value in model.items() if key not in OF_ONE_MODEL}
    for path in sorted(overrides, key=len):
        _put(result, path, overrides[path])
    return result


def _put(tree: dict[str, Any], path: tuple[str, ...], value: object) -> None:
    for part in path[:-1]:
        if tree.get(part) is None:
            tree[part] = {}
        tree = tree[part]
        if not isinstance(tree, dict):
            return
    given = Unquoted(value) if isinstance(value, str) else value
    tree[path[-1]] = {"id": given} if path == ("model",) and isinstance(given, str) else given
