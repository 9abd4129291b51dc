"""Fixtures of real hosts: up for one module, with fresh disks."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.hosts.fleet import Fleet, fleet


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
