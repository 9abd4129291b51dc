"""Fixtures of real hosts: up for one module, with fresh disks."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from tests.hosts.fleet import Fleet, fleet


@pytest.fixture(scope="session", autouse=True)
def own_fleet() -> Iterator[None]:
    """Test processes that run side by side (pytest-xdist) have a fleet each, with a net of 198.18.0.0/15 (RFC 2544)."""
    worker = os.environ.get("PYTEST_XDIST_WORKER", "").removeprefix("gw")
    with pytest.MonkeyPatch.context() as patch:
        if worker and "TH_NAME" not in os.environ:
            patch.setenv("TH_NAME", f"testhosts{worker}")
            patch.setenv("TH_NET", f"198.18.{100 + int(worker)}")
            patch.setenv("TH_BRIDGE", f"thbr{worker}")
        yield


@pytest.fixture(scope="module")
def one_host() -> Iterator[Fleet]:
    """One host with a fresh disk."""
    with fleet(1) as hosts:
        yield hosts


@pytest.fixture(scope="module")
def three_hosts() -> Iterator[Fleet]:
    """Three hosts with fresh disks."""
    with fleet(3) as hosts:
        yield hosts


@pytest.fixture(scope="module")
def four_hosts() -> Iterator[Fleet]:
    """Four hosts with fresh disks."""
    with fleet(4) as hosts:
        yield hosts
