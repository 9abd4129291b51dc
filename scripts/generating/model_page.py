"""docs/reference/models.md: the short names of the catalogue."""

from __future__ import annotations

from llmdeploy.sizing.catalogue import CatalogueRow, rows
from llmdeploy.sizing.memory import parameters_text

INTRO = """\
# Short names of models

`llmdeploy up --model NAME` takes one of these, any repository of the Hugging Face hub (`owner/name`), or a path. Each
short name stands for one file at one commit, with its SHA-256 where that is known beforehand. Upper and lower case,
dashes and an ending such as `-instruct` do not matter. Context is the model's own maximum, in tokens.

| name | parameters | download | quantization | context | licence | repository |
|---|---|---|---|---|---|---|
"""
UNPINNED = "\n\\* No commit is recorded for it: the first `prepare` takes the newest and pins it in the plan.\n"


def text() -> str:
    found = rows()
    note = UNPINNED if any(not one.bundled and not one.revision for one in found) else ""
    return INTRO + "".join(_row(one) for one in found) + note


def _row(row: CatalogueRow) -> str:
    if row.bundled:
        repository = "none: comes with llmdeploy"
    else:
        repository = f"`{row.repository}`{'' if row.revision else ' *'}{' (gated)' if row.gated else ''}"
    size = f"{row.size_bytes / 1e9:.2f} GB" if row.size_bytes >= 1e8 else f"{row.size_bytes / 1e6:.1f} MB"
    cells = (
        f"`{row.name}`",
        parameters_text(row.parameters),
        size,
        row.quantization,
        f"{row.context:,}",
        row.license,
        repository,
    )
    return f"| {' | '.join(cells)} |\n"
