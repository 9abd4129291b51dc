"""The pages of docs/reference/, and what of a folder differs from them."""

from __future__ import annotations

import json
from pathlib import Path

from scripts.generating import cli_page, exit_code_page, metrics_page, model_page, spec_page

from llmdeploy.spec import spec_schema

MARK = "<!-- Written by scripts/generate from the code. Change the code, then run it. -->\n\n"


def pages() -> dict[str, str]:
    """File name -> text, of every file in docs/reference/."""
    written = {
        "cli.md": cli_page.text(),
        "exit-codes.md": exit_code_page.text(),
        "metrics.md": metrics_page.text(),
        "models.md": model_page.text(),
        "spec.md": spec_page.text(),
    }
    schema = json.dumps(spec_schema(), indent=1) + "\n"
    return {name: MARK + text for name, text in written.items()} | {"llmdeploy.schema.json": schema}


def differing(folder: Path) -> list[Path]:
    """Files that are missing, differ, or are no page of ours."""
    wanted = pages()
    there = {path.name for path in folder.iterdir()} if folder.is_dir() else set()
    return [
        folder / name
        for name in sorted(wanted.keys() | there)
        if name not in there or name not in wanted or (folder / name).read_text("utf-8") != wanted[name]
    ]


def write(folder: Path) -> list[Path]:
    """Bring the folder up to date; the files that were written or removed."""
    folder.mkdir(parents=True, exist_ok=True)
    wanted, found = pages(), differing(folder)
    for path in found:
        if path.name in wanted:
            path.write_text(wanted[path.name], "utf-8")
        else:
            path.unlink()
    return found
