"""What stays on hosts beside what runs, from one run to the next."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from llmdeploy.fleet.beside import after_failure, after_roll, with_what_stays
from llmdeploy.fleet.variables import Bundle

from .fleets import artifact


def bundle(folder: Path, wheels: str, model: str, image: str = "") -> Bundle:
    runtime = artifact(folder / wheels, **{"one.whl": wheels.encode()})
    return Bundle({"host1": runtime}, artifact(folder / model, **{"model.gguf": model.encode()}), image=image)


def digests(one: Bundle) -> tuple[str, str]:
    assert one.model
    return one.runtimes["host1"].digest, one.model.digest


def test_at_first_nothing_stays(tmp_path: Path) -> None:
    first = with_what_stays(bundle(tmp_path, "a", "x"), {})
    assert (first.keep, first.keep_wheels, first.keep_images) == ((), (), ())


def test_the_model_before_stays_and_is_nothing_to_the_wheels(tmp_path: Path) -> None:
    first, second = bundle(tmp_path, "a", "x"), bundle(tmp_path, "a", "y")
    outputs = after_roll(first, {})
    before_the_roll = with_what_stays(second, outputs)
    assert (before_the_roll.keep, before_the_roll.keep_wheels) == ((digests(first)[1],), ())
    outputs |= after_roll(before_the_roll, outputs)
    assert with_what_stays(second, outputs) == before_the_roll, "the next run has nothing to do"


def test_wheels_before_stay_as_wheels(tmp_path: Path) -> None:
    first, second = bundle(tmp_path, "a", "x"), bundle(tmp_path, "b", "x")
    found = with_what_stays(second, after_roll(first, {}))
    assert found.keep == found.keep_wheels == (digests(first)[0],)


def test_the_image_before_stays_until_the_next_change(tmp_path: Path) -> None:
    first, second = bundle(tmp_path, "a", "x", "one"), bundle(tmp_path, "a", "x", "two")
    outputs = after_roll(first, {})
    assert with_what_stays(second, outputs).keep_images == ("one",)
    outputs |= after_roll(second, outputs)
    assert with_what_stays(second, outputs).keep_images == ("one",)
    another_model = bundle(tmp_path, "a", "y", "two")
    assert with_what_stays(another_model, outputs).keep_images == ()
    outputs |= after_roll(another_model, outputs)
    assert with_what_stays(another_model, outputs).keep_images == ()


def test_a_deployment_that_leaves_its_image_keeps_it_for_a_rollback(tmp_path: Path) -> None:
    outputs = after_roll(bundle(tmp_path, "a", "x", "one"), {})
    assert with_what_stays(bundle(tmp_path, "a", "x"), outputs).keep_images == ("one",)


def test_what_a_failed_plan_brought_stays_for_the_mended_one(tmp_path: Path) -> None:
    first, failed = bundle(tmp_path, "a", "x", "one"), bundle(tmp_path, "b", "y", "two")
    outputs = after_roll(first, {})
    outputs |= after_failure(failed, outputs)
    gone_back = with_what_stays(first, outputs)
    assert set(gone_back.keep) == set(digests(failed))
    assert (gone_back.keep_wheels, gone_back.keep_images) == ((digests(failed)[0],), ("two",))


def test_a_failed_image_takes_the_place_of_no_model(tmp_path: Path) -> None:
    first, second = bundle(tmp_path, "a", "x", "one"), bundle(tmp_path, "a", "y", "one")
    outputs = after_roll(first, {})
    outputs |= after_roll(second, outputs)
    outputs |= after_failure(bundle(tmp_path, "a", "y", "two"), outputs)
    gone_back = with_what_stays(second, outputs)
    assert (gone_back.keep, gone_back.keep_images) == ((digests(first)[1],), ("two",))


def test_a_failed_plan_that_brought_nothing_leaves_what_stays_alone(tmp_path: Path) -> None:
    one = bundle(tmp_path, "a", "x", "one")
    outputs: dict[str, Any] = after_roll(one, {"artifacts": ["b"], "image": "zero"})
    assert after_failure(one, outputs) == {}
