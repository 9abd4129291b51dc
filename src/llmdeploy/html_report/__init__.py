"""The HTML report of a run: one file with the five steps, the plan, the gates and their charts.

It needs no network, no script and no other file, and it holds no secret: of the key it names the file.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from llmdeploy.run import Run
    from llmdeploy.state import StateFolder


def write_report(state: StateFolder, run: Run) -> None:
    """Write `runs/<run>/report.html` and the same as `report.html` of the state folder; keep the newest runs.

    Whatever the run did not come to is said in the page; so is a plan that cannot be read. Raises OSError where the
    files cannot be written.
    """
    from llmdeploy.html_report.keeping import keep, remove_old_runs
    from llmdeploy.html_report.page import page
    from llmdeploy.html_report.record import record

    keep(state, run.id, page(record(state, run)))
    remove_old_runs(state.runs, run.id)
