"""docs/reference/spec.md: every field of a spec, from the classes that parse it."""

from __future__ import annotations

from collections.abc import Iterator

from pydantic.fields import FieldInfo

from llmdeploy.spec.fields import Spec
from llmdeploy.spec.kinds import Choice, Kind, Number, Text
from llmdeploy.spec.section import Section
from llmdeploy.spec.unit_kinds import Measure, Price
from llmdeploy.spec.walk import kind_of, section_of
from llmdeploy.units import CURRENCIES

INTRO = """\
# The spec: llmdeploy.yaml

One YAML file of at most 1 MiB, UTF-8. Every field has a default, so the empty file is a whole spec: this machine and
the embedded model. Unknown keys are refused, and all problems are told at once, each with its line. `llmdeploy init`
writes a commented one. Editors take [llmdeploy.schema.json](llmdeploy.schema.json), which `llmdeploy schema` prints.

Units are written: durations `250ms`, `2s`, `5m`, `1h`, `2d`; sizes `500MB`, `16GiB`; money `1500 USD` (or EUR, GBP).
Words that YAML readers take for different things (`no`, `0o17`, `1:30`, `1_000`) are refused with what to write.

The command line wins over the file: `--name`, `--target`, `--model` (`model.id`), `--engine`, `--port` (`access.port`).
"""
COLUMNS = "\n| field | kind | default | meaning | example |\n|---|---|---|---|---|\n"


def text() -> str:
    top = [(name, info) for name, info in Spec.model_fields.items() if section_of(info) is None]
    parts = [INTRO, "\n## At the top\n", COLUMNS, *(_row((name,), info) for name, info in top)]
    for name, info in Spec.model_fields.items():
        section = section_of(info)
        if section:
            parts += [f"\n## {name}\n\n{_summary(section)}\n", COLUMNS, *_rows(section, (name,))]
    return "".join(parts)


def kind_words(kind: Kind) -> str:
    """A kind of value in a few words. Raises TypeError for one that is not known here."""
    match kind:
        case Measure():
            words = f"{kind.what}, {kind.least_text} to {kind.most_text}"
        case Price():
            words = f"money in {', '.join(CURRENCIES)}"
        case Number():
            words = f"{kind.what}, {kind.least:,} to {kind.most:,}"
        case Choice():
            words = "one of " + ", ".join(f"`{option}`" for option in kind.options)
        case Text():
            words = kind.what
        case _:
            raise TypeError(f"{type(kind).__name__} has no words in scripts/generating/spec_page.py")
    return words


def _summary(section: type[Section]) -> str:
    return (section.__doc__ or "").splitlines()[0]


def _rows(section: type[Section], path: tuple[str, ...]) -> Iterator[str]:
    for name, info in section.model_fields.items():
        inner = section_of(info)
        if inner:
            yield from _rows(inner, (*path, name))
        else:
            yield _row((*path, name), info)


def _row(path: tuple[str, ...], info: FieldInfo) -> str:
    kind = kind_of(info)
    default = "" if info.default in (None, "") else f"`{_shown(kind.show(info.default))}`"
    example = f"`{_shown(info.examples[0])}`" if info.examples else default
    cells = (f"`{'.'.join(path)}`", kind_words(kind), default or "none", info.description or "", example)
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |\n"


def _shown(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
