from __future__ import annotations

from collections.abc import Iterator

import pytest

from llmdeploy.endpoint import Endpoint
from tests.engine_fixture import running_engine


@pytest.fixture(scope="session")
def engine() -> Iterator[Endpoint]:
    """The real engine with the embedded model."""
    with running_engine() as (endpoint, _):
        yield endpoint
