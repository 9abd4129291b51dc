"""Blocks of ports: two deployments share a host, and each keeps what it has."""

from __future__ import annotations

import pytest

from llmdeploy.errors import MissingError
from llmdeploy.fleet.ports import BLOCKS, FIRST, STEP, free_block, is_ours

from .documents import facts


def listening(*found: tuple[int, str]) -> list[object]:
    return [facts(listeners=[list(one) for one in found])]


def block(name: str, found: list[object], known: int = 0, taken: tuple[int, ...] = ()) -> int:
    return free_block(name, found, known, taken)  # type: ignore[arg-type]


def test_the_first_deployment_has_the_first_block() -> None:
    assert block("one", [facts(), facts()]) == FIRST


def test_a_second_deployment_on_the_host_has_the_next() -> None:
    found = listening((FIRST, "llmdeploy-one-gateway.service"), (FIRST + 16, "llmdeploy-one-engine-0.service"))
    assert block("two", found) == FIRST + STEP
    assert block("one", found) == FIRST


def test_a_port_taken_on_any_host_moves_the_block_on_all() -> None:
    assert block("one", [facts(), *listening((FIRST + 3, "jenkins.service"))]) == FIRST + STEP


def test_a_block_in_use_is_kept_while_it_is_ours() -> None:
    own = listening((9000, "llmdeploy-one-engine-0.service"))
    assert block("one", own, known=9000) == 9000
    assert block("one", listening((9000, "other.service")), known=9000) == FIRST


def test_a_stranger_in_a_gap_of_the_block_moves_nothing() -> None:
    """As the gateway of a second deployment on port 8443 does, in the first block."""
    second = listening((FIRST + 3, "llmdeploy-two-gateway.service"))
    assert free_block("one", second, FIRST, replicas=2) == FIRST  # type: ignore[arg-type]
    assert free_block("one", second, FIRST, replicas=4) == FIRST + STEP  # type: ignore[arg-type]
    assert free_block("one", second, 0, replicas=2) == FIRST + STEP  # type: ignore[arg-type]


def test_the_port_of_clients_is_left_out() -> None:
    assert block("one", [facts()], taken=(8443,)) == FIRST + STEP


def test_where_all_are_taken_the_reason_is_told() -> None:
    every = listening(*((FIRST + STEP * number, "") for number in range(BLOCKS)))
    with pytest.raises(MissingError, match="no 64 ports in a row are free"):
        block("one", every)


@pytest.mark.parametrize(
    "unit",
    [
        "llmdeploy-web-engine-0.service",
        "llmdeploy-web-engine-12.service",
        "llmdeploy-web-gateway.service",
        "llmdeploy-web-store.service",
        "llmdeploy-web-prometheus.service",
        "llmdeploy-web-prober-engine-0.service",
    ],
)
def test_units_of_a_deployment_are_known(unit: str) -> None:
    assert is_ours(unit, "web")


@pytest.mark.parametrize(
    "unit",
    [
        "",
        "nginx.service",
        "llmdeploy-web-two-engine-0.service",
        "llmdeploy-web-two-gateway.service",
        "llmdeploy-we.service",
    ],
)
def test_units_of_others_are_not(unit: str) -> None:
    assert not is_ours(unit, "web")
