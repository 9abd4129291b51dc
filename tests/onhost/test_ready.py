"""Readiness: a real engine, and what it may and may not do about the rotation."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path

import pytest

from llmdeploy.endpoint import Endpoint
from llmdeploy.errors import StepError
from llmdeploy.onhost.ready import bring_in, note, wait_until_it_answers
from llmdeploy.onhost.rotation import Rotation
from llmdeploy.secret import Secret
from tests.engine_fixture import running_engine
from tests.onhost.haproxy_socket import admin_socket


@pytest.fixture(scope="module")
def engine() -> Iterator[Endpoint]:
    with running_engine(slots=1) as (endpoint, _):
        yield endpoint


@pytest.fixture
def place(tmp_path: Path) -> Rotation:
    return Rotation(tmp_path / "admin.sock", tmp_path / "replica-0.map", "replica-0")


def nobody() -> Endpoint:
    return Endpoint("http://127.0.0.1:9", "demo", Secret("k"))  # port 9: nothing listens


def test_an_engine_that_answers_comes_into_rotation(engine: Endpoint, place: Rotation, tmp_path: Path) -> None:
    with admin_socket(place.admin, [0]) as haproxy:
        haproxy.map["replica-0"] = "yes"
        said = bring_in(engine, place, tmp_path / "hold", os.getpid(), 30)
    assert said.endswith("replica-0 in rotation")
    assert haproxy.map == {"replica-0": "no"}


def test_one_on_hold_is_marked_before_it_answers_and_stays_out(
    engine: Endpoint, place: Rotation, tmp_path: Path
) -> None:
    (tmp_path / "hold").touch()
    with admin_socket(place.admin, [0]) as haproxy:
        said = bring_in(engine, place, tmp_path / "hold", os.getpid(), 30)
    assert "held out of rotation" in said
    assert haproxy.map == {"replica-0": "yes"}
    assert place.map.read_text() == "replica-0 yes\n", "for a HAProxy that starts or reloads"


def test_one_on_hold_stays_out_of_a_haproxy_that_comes_up_later(
    engine: Endpoint, place: Rotation, tmp_path: Path
) -> None:
    place.map.write_text("replica-0 no\n")
    (tmp_path / "hold").touch()
    bring_in(engine, place, tmp_path / "hold", os.getpid(), 30)
    assert place.map.read_text() == "replica-0 yes\n"


def test_without_a_haproxy_it_is_ready_and_says_so(engine: Endpoint, place: Rotation, tmp_path: Path) -> None:
    assert f"no HAProxy at {place.admin}" in bring_in(engine, place, tmp_path / "hold", os.getpid(), 30)
    assert not place.map.exists()


def test_a_haproxy_that_refuses_ends_no_engine_but_fails_the_roll(
    engine: Endpoint, place: Rotation, tmp_path: Path
) -> None:
    stranger = Rotation(place.admin, place.map, "replica-7")
    with admin_socket(place.admin, [0]):
        assert "rotation unknown" in bring_in(engine, stranger, tmp_path / "hold", os.getpid(), 30)
        with pytest.raises(StepError, match="does not mark replica-7"):
            bring_in(engine, stranger, tmp_path / "hold", None, 30)


def test_a_wrong_key_is_not_ready(engine: Endpoint) -> None:
    wrong = Endpoint(engine.url, engine.model, Secret("wrong"))
    with pytest.raises(StepError, match="does not answer a chat: HTTP 401"):
        wait_until_it_answers(wrong, os.getpid(), 30)


def test_it_does_not_wait_for_an_engine_that_has_ended() -> None:
    with pytest.raises(StepError, match="ended while it loaded"):
        wait_until_it_answers(nobody(), 0, 60)


def test_the_wait_is_bounded() -> None:
    with pytest.raises(StepError, match=r"did not answer within 0\.2 s"):
        wait_until_it_answers(nobody(), os.getpid(), 0.2)


def test_the_record_has_the_sums_of_what_the_start_was_made_of(tmp_path: Path) -> None:
    unit = tmp_path / "a.service"
    unit.write_text("[Service]\n")
    note(tmp_path / "made-of.json", [unit])
    assert json.loads((tmp_path / "made-of.json").read_text()) == {str(unit): sha256(b"[Service]\n").hexdigest()}
