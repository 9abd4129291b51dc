"""The fields of a spec as data: what readers of the classes (schema, example, messages) go over."""

from __future__ import annotations

from collections.abc import Iterator

from pydantic.fields import FieldInfo

from llmdeploy.spec.fields import Spec
from llmdeploy.spec.kinds import Kind
from llmdeploy.spec.section import Section


def section_of(info: FieldInfo) -> type[Section] | None:
    """The section that a field holds, or None where it holds a value."""
    annotation = info.annotation
    return annotation if isinstance(annotation, type) and issubclass(annotation, Section) else None


def kind_of(info: FieldInfo) -> Kind:
    return next(mark for mark in info.metadata if isinstance(mark, Kind))


def section_at(path: tuple[str, ...]) -> type[Section] | None:
    """The section at a path, or None where there is none."""
    section: type[Section] | None = Spec
    for part in path:
        info = section.model_fields.get(part) if section else None
        section = section_of(info) if info else None
    return section


def field_paths(section: type[Section] = Spec, path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """The path of every field and section, in the order of the classes."""
    for name, info in section.model_fields.items():
        yield (*path, name)
        inner = section_of(info)
        if inner:
            yield from field_paths(inner, (*path, name))
