"""docs/reference/models.md: the short names of the catalogue."""

from __future__ import annotations

from llmdeploy.sizing.catalogue.models import GgufFile, Model, models
from llmdeploy.sizing.quantization import weight_bytes
from llmdeploy.units import parameters_text

INTRO = """\
# Short names of models

`llmdeploy up --model NAME` takes one of these, any repository of the Hugging Face hub (`owner/name`), or a path. Upper
and lower case, dashes and an ending such as `-instruct` do not matter. Context is the model's own maximum, in tokens.
Of two counts of parameters the second one works on each token. `llmdeploy catalogue models --json` gives every figure
with its source and date.

## With a GGUF file

Each of these stands for one file at one commit, with its SHA-256 where that is known beforehand.

| name | parameters | download | quantization | context | licence | file from |
|---|---|---|---|---|---|---|
"""
UNPINNED = "\n\\* No commit is recorded for it: the first `prepare` takes the newest and pins it in the plan.\n"
OTHERS = """
## From the publisher's repository

No GGUF file is recorded for these: `prepare` asks the hub what the repository holds. `llmdeploy size` knows them
without a network.

| name | parameters | weights | stored as | context | licence | repository |
|---|---|---|---|---|---|---|
"""


def text() -> str:
    found = models()
    files = [(row, file) for row in found for file in row.files]
    note = UNPINNED if any(not row.bundled and not file.revision for row, file in files) else ""
    with_file = "".join(_with_file(row, file) for row, file in files)
    return INTRO + with_file + note + OTHERS + "".join(_without_file(row) for row in found if not row.files)


def _with_file(row: Model, file: GgufFile) -> str:
    origin = "none: comes with llmdeploy" if row.bundled else f"`{file.repository}`{'' if file.revision else ' *'}"
    return _line(row, _size(file.size_bytes), file.quantization, origin)


def _without_file(row: Model) -> str:
    size = _size(weight_bytes(row.architecture, row.published))
    return _line(row, size, row.published.name, f"`{row.repository}`{' (gated)' if row.gated else ''}")


def _line(row: Model, size: str, stored: str, origin: str) -> str:
    shape = row.architecture
    active = f", {parameters_text(shape.active_parameters)}" if shape.mixture else ""
    cells = (
        f"`{row.name}`",
        parameters_text(shape.parameters) + active,
        size,
        stored,
        f"{shape.context:,}",
        row.license,
        origin,
    )
    return f"| {' | '.join(cells)} |\n"


def _size(size: int) -> str:
    if size >= 1e10:
        return f"{size / 1e9:,.0f} GB"
    return f"{size / 1e9:.2f} GB" if size >= 1e8 else f"{size / 1e6:.1f} MB"
