"""House rule for skips: printed with a reason always, and in continuous integration (CI=true) a failure.

A test that did not run proves nothing, so CI accepts only the reasons written here: what no CI machine has.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Generator
from typing import Any

import pytest
from xdist.scheduler import LoadScopeScheduling  # type: ignore[import-untyped]

ACCEPTED_IN_CI = (
    "needs an NVIDIA GPU",
    "needs vLLM",
)


class Groups(LoadScopeScheduling):  # type: ignore[misc]  # its package has no types
    """With `pytest -n 5`, side by side: each module of hosts, and in their order all other tests.

    A story on hosts waits for most of its time, and has a fleet of its own. The others share ports and folders of this
    machine.
    """

    def _split_scope(self, nodeid: str) -> str:
        module = nodeid.split("::")[0]
        return module if module.startswith("tests/hosts/") else "this machine"


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Groups:
    """Called where `-n` is given."""
    return Groups(config, log)


def pytest_configure() -> None:
    """What a script runs in the background ignores Ctrl-C, and so would all that tests start and interrupt."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def is_refused(reason: str) -> bool:
    """Whether a skip with this reason counts as a failure."""
    in_ci = os.environ.get("CI", "").lower() in {"1", "true", "yes"}
    return in_ci and not reason.startswith(ACCEPTED_IN_CI)


def refuse(report: pytest.TestReport | pytest.CollectReport) -> None:
    """Turn a skip into a failure where its reason is not on the list."""
    if not report.skipped or hasattr(report, "wasxfail"):
        return
    skipped_at = report.longrepr
    text = skipped_at[2] if isinstance(skipped_at, tuple) else str(skipped_at)
    reason = text.removeprefix("Skipped: ")
    if is_refused(reason):
        report.outcome = "failed"
        report.longrepr = f"skipped, which CI does not accept (tests/conftest.py): {reason}"


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Look at every test's report."""
    report = yield
    refuse(report)
    return report


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report() -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    """Look at every module's report: a module can skip itself as a whole."""
    report = yield
    refuse(report)
    return report
