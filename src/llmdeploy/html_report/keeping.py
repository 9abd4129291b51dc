"""Where reports are kept, and for how long."""

from __future__ import annotations

import re
from pathlib import Path

from llmdeploy.state import StateFolder, write_private

RUNS_KEPT = 20
RUN_ID = re.compile(r"\d{8}-\d{6}-\d{3}", re.ASCII)


def keep(state: StateFolder, run_id: str, html: str) -> None:
    """Write the page into the run's folder and as the newest of the deployment, each whole or not at all."""
    folder = state.runs / run_id
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    written = folder / state.report.name
    write_private(written, html)
    if not _link(written, state.report):
        write_private(state.report, html)


def _link(written: Path, newest: Path) -> bool:
    """Give the page its second name without writing it again; false where the file system has no hard links."""
    partial = newest.with_name(f".{newest.name}.link")
    partial.unlink(missing_ok=True)
    try:
        partial.hardlink_to(written)
    except OSError:
        return False
    partial.replace(newest)
    return True


def remove_old_runs(runs: Path, current: str) -> None:
    """Remove the oldest run folders over `RUNS_KEPT`. Never `current`, a link, or a name that is no run's."""
    names = sorted(one.name for one in runs.iterdir() if RUN_ID.fullmatch(one.name) and one.name != current)
    folders = [runs / name for name in names if (runs / name).is_dir() and not (runs / name).is_symlink()]
    surplus = folders[: max(0, len(folders) - (RUNS_KEPT - 1))]
    if surplus:
        import shutil

        for folder in surplus:
            shutil.rmtree(folder)
