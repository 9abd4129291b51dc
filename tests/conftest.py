"""House rule for skips: printed with a reason always, and in continuous integration (CI=true) a failure.

A test that did not run proves nothing, so CI accepts only the reasons written here: what no CI machine has.
"""

from __future__ import annotations

import os
from collections.abc import Generator, Sequence
from pathlib import Path

import pytest

LONGEST_STORY = "test_onprem.py"
HOSTS = Path(__file__).parent / "hosts"
ACCEPTED_IN_CI = (
    "needs an NVIDIA GPU",
    "needs vLLM",
)


def pytest_collection_modifyitems(items: Sequence[pytest.Item]) -> None:
    """Side by side (`pytest -n 3 --dist loadgroup`) run: a long story on hosts, the other tests of hosts, and the rest.

    Stories wait for hosts most of the time, and each has a fleet of its own. The rest shares ports and folders of this
    machine, so that it stays in order.
    """
    for item in items:
        item.add_marker(pytest.mark.xdist_group(group_of(item.path)))


def group_of(path: Path) -> str:
    """The tests of a group run one after the other."""
    if HOSTS not in path.parents:
        return "this machine"
    return path.stem if path.name == LONGEST_STORY else "hosts"


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
