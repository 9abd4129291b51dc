"""The JSON Schema of a spec, for editors."""

from __future__ import annotations

from typing import Any

from pydantic.fields import FieldInfo

from llmdeploy.spec.fields import ModelChoice, Spec
from llmdeploy.spec.section import Section
from llmdeploy.spec.walk import kind_of, section_of

DIALECT = "https://json-schema.org/draft/2020-12/schema"


def spec_schema() -> dict[str, Any]:
    """What an editor needs to check and complete `llmdeploy.yaml`.

    It takes every spec that the parser takes. The parser refuses more: the bounds of values with a unit, and what must
    hold between fields.
    """
    return {"$schema": DIALECT, "title": "llmdeploy spec", **_section(Spec)}


def _section(section: type[Section]) -> dict[str, Any]:
    properties = {name: _property(info) for name, info in section.model_fields.items()}
    return {
        "description": (section.__doc__ or "").splitlines()[0],
        "type": ["object", "null"],
        "additionalProperties": False,
        "properties": properties,
    }


def _property(info: FieldInfo) -> dict[str, Any]:
    section = section_of(info)
    if section is ModelChoice:
        name_alone = kind_of(section.model_fields["id"]).schema()
        return {"description": info.description, "anyOf": [_section(section), name_alone]}
    if section:
        return _section(section)
    kind = kind_of(info)
    default = None if info.default is None else kind.show(info.default)
    return {"description": info.description, "default": default, **kind.schema()}
