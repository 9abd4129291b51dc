"""Pull mode: which releases a box takes, and that what served goes on whatever comes."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from llmdeploy.onhost import pulling
from llmdeploy.onhost.install import SLOT, wanted
from llmdeploy.onhost.origin import Origin
from llmdeploy.onhost.pull import OUTCOMES, exposition, report
from llmdeploy.onhost.pulling import Outcome, Puller
from llmdeploy.onhost.signed import FILE, Release
from llmdeploy.onhost.slots import MOST_TRIES, Box, State

from .releases import Engines, publish


def install(release: Release, box: Box, slot: str, name: str, key: str) -> None:
    """A slot without its virtual environment."""
    box.slot(slot).mkdir(exist_ok=True)
    about = {"release": release.number, "files": [one["sha256"] for one in wanted(release, name)]}
    (box.slot(slot) / SLOT).write_text(json.dumps(about))


class Site:
    """A box, its folder of releases and the key that signs them."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.key = folder / "release", folder / "release.key"
        for name in ("pull", "tries"):
            (folder / name).mkdir()
        self.engines = Engines()
        self.box = Box("box", folder / "pull", folder / "tries", {"a": 8456, "b": 8457})
        publish(self.folder, self.key, 1)
        origin = Origin(str(self.folder))
        self.puller = Puller(self.box, "edge1", origin, self.key.with_suffix(".pub"), "/key", self.engines)

    def publish(self, number: int, **changes: object) -> None:
        publish(self.folder, self.key, number, **changes)

    def round(self) -> Outcome:
        self.engines.said.clear()
        return self.puller.round()

    @property
    def state(self) -> State:
        return self.box.load()


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Site:
    monkeypatch.setattr(pulling, "install", install)
    return Site(tmp_path)


def test_the_first_release_serves_from_the_first_slot(site: Site) -> None:
    outcome = site.round()
    assert (outcome.what, site.state.active, site.engines.on, site.engines.kept) == ("updated", "a", {"a"}, {"a"})
    assert outcome.fetched > 0
    assert site.round().what == "current"


def test_a_new_release_comes_into_the_other_slot_and_the_old_one_stops_last(site: Site) -> None:
    site.round()
    site.publish(2)
    assert site.round().what == "updated"
    assert site.engines.said.index("in b") < site.engines.said.index("stop a")
    assert (site.state.active, site.state.releases, site.engines.on) == ("b", {"a": 1, "b": 2}, {"b"})


def test_files_that_no_slot_has_are_dropped_and_shared_ones_are_not_fetched_again(site: Site) -> None:
    for number in (1, 2, 3):
        site.publish(number)
        site.round()
    assert len(list(site.box.files.iterdir())) == 4  # two slots of two files
    release = publish(site.folder, site.key, 4)
    publish(site.folder, site.key, 5, artifacts=release.artifacts)
    site.publish(4)
    site.round()
    publish(site.folder, site.key, 5, artifacts=release.artifacts)
    assert site.round().fetched == 0


def test_a_release_that_fails_its_test_never_serves_and_is_not_tried_again(site: Site) -> None:
    site.round()
    site.publish(2)
    site.engines.missed = "golden accuracy 0.1"
    outcome = site.round()
    assert (outcome.what, site.engines.on, site.state.active) == ("failed", {"a"}, "a")
    assert "golden accuracy 0.1; 1 in slot a goes on" in outcome.detail
    assert "in b" not in site.engines.said
    site.engines.missed = ""
    assert "has failed here before" in site.round().detail
    site.publish(3)
    assert site.round().what == "updated"


def test_an_engine_that_does_not_start_leaves_the_other_one(site: Site) -> None:
    site.round()
    site.publish(2)
    site.engines.silent = {"b"}
    assert (site.round().what, site.engines.on, site.engines.kept) == ("failed", {"a"}, {"a"})


def test_where_two_do_not_fit_the_first_stops_before_and_comes_back(site: Site) -> None:
    site.round()
    site.publish(2)
    site.engines.room, site.engines.missed = False, "wrong"
    site.round()
    assert site.engines.said.index("stop a") < site.engines.said.index("start b")
    assert (site.engines.on, site.engines.kept) == ({"a"}, {"a"})


def test_an_older_release_is_refused(site: Site) -> None:
    site.publish(5)
    site.round()
    site.publish(4)
    outcome = site.round()
    assert (outcome.what, site.state.active, site.state.highest) == ("refused", "a", 5)
    assert "replay or a downgrade" in outcome.detail


def test_a_foreign_signature_is_refused(site: Site, tmp_path: Path) -> None:
    site.round()
    publish(site.folder, tmp_path / "foreign.key", 9)
    outcome = site.round()
    assert (outcome.what, site.state.highest) == ("refused", 1)
    assert "not signed by" in outcome.detail


@pytest.mark.parametrize(
    "text", ["", "{}", '{"payload": "!", "signature": "!"}', "[1]", '{"payload": 1, "signature": 2}']
)
def test_nonsense_is_refused_in_words(site: Site, text: str) -> None:
    (site.folder / FILE).write_text(text)
    assert site.round().what == "refused"


def test_a_changed_manifest_is_refused(site: Site) -> None:
    outer = json.loads((site.folder / FILE).read_text())
    payload = outer["payload"]
    outer["payload"] = ("A" if payload[0] != "A" else "B") + payload[1:]
    (site.folder / FILE).write_text(json.dumps(outer))
    assert site.round().what == "refused"


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"deployment": "other"}, "is for other"),
        ({"needs": "99.0"}, "needs llmdeploy 99.0"),
    ],
)
def test_a_release_that_is_not_for_this_box_is_refused(site: Site, changes: dict[str, str], said: str) -> None:
    site.publish(2, **changes)
    assert said in site.round().detail


def test_a_release_without_this_box_leaves_what_serves(site: Site) -> None:
    site.round()
    site.publish(2, boxes={})
    outcome = site.round()
    assert (outcome.what, outcome.detail) == ("refused", "release 2 has no plan for edge1")
    assert site.engines.on == {"a"}


def test_without_the_source_the_box_goes_on(site: Site) -> None:
    site.round()
    (site.folder / FILE).unlink()
    assert (site.round().what, site.engines.on) == ("unreachable", {"a"})


def test_a_damaged_file_is_not_installed_and_is_asked_for_again(site: Site) -> None:
    site.round()
    site.publish(2)
    good = {path: path.read_bytes() for path in (site.folder / "files").iterdir()}
    for path in good:
        path.write_bytes(b"x" * path.stat().st_size)
    assert (site.round().what, site.engines.on) == ("unreachable", {"a"})
    for path, content in good.items():
        path.write_bytes(content)
    assert site.round().what == "updated"


def test_after_a_power_cut_the_slot_that_served_serves_and_the_release_is_tried_again(site: Site) -> None:
    site.round()
    site.publish(2)
    site.box.save(replace(site.state, trying="b", highest=2, tries=1))
    site.engines.on = {"b"}
    site.box.hold("a").touch()
    assert site.round().what == "updated"
    assert site.engines.said[:2] == ["stop b", "start a"]
    assert not site.box.hold("a").exists()


def test_a_release_that_was_cut_off_again_and_again_is_given_up(site: Site) -> None:
    site.round()
    site.publish(2)
    site.box.save(replace(site.state, trying="b", highest=2, tries=MOST_TRIES))
    outcome = site.round()
    assert (outcome.what, site.state.bad) == ("failed", [2])
    assert "cut off" in outcome.detail


def test_an_engine_that_falls_silent_gives_way_to_the_slot_before(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pulling, "PATIENCE", 0.0)
    site.round()
    site.publish(2)
    site.round()
    site.engines.silent = {"b"}
    site.engines.on.discard("b")
    outcome = site.round()
    assert (outcome.what, site.state.active, site.state.bad, site.engines.on) == ("returned", "a", [2], {"a"})
    assert site.round().what == "failed"  # the same release is not taken again
    assert site.engines.on == {"a"}


def test_a_silent_engine_with_nothing_to_go_back_to_still_takes_a_newer_release(site: Site) -> None:
    site.round()
    site.engines.silent = {"a"}
    site.engines.on.clear()
    assert "is silent, and there is no other" in site.round().detail
    site.publish(2)
    assert (site.round().what, site.state.active) == ("updated", "b")


def test_state_that_is_damaged_is_an_error_in_words(site: Site) -> None:
    (site.box.folder / "state.json").write_text("{")
    with pytest.raises(Exception, match="damaged"):
        site.round()


def test_the_outcome_is_a_file_and_a_metric(site: Site, tmp_path: Path) -> None:
    outcome = site.round()
    report(outcome, site.box, tmp_path / "pull.prom", 1000.0)
    status = json.loads((site.box.folder / "status.json").read_text())
    assert (status["outcome"], status["release"], status["slot"], status["time"]) == ("updated", 1, "a", 1000.0)
    text = (tmp_path / "pull.prom").read_text()
    assert text == exposition(outcome, "box", 1, 1000.0)
    assert 'llmdeploy_pull_outcome{deployment="box",outcome="updated"} 1' in text
    assert text.count("llmdeploy_pull_outcome{") == len(OUTCOMES)
    assert (tmp_path / "pull.prom").stat().st_mode & 0o777 == 0o644


def test_a_download_goes_on_where_it_was_cut(tmp_path: Path) -> None:
    folder = tmp_path / "release"
    release = publish(folder, tmp_path / "release.key", 1)
    file = release.artifacts["m"][0]
    target = tmp_path / file["sha256"]
    target.with_suffix(".part").write_bytes(b"y" * 1000)  # longer than the file: of no use
    assert Origin(str(folder)).bring(file["sha256"], file["bytes"], target) == file["bytes"]
    target.rename(target.with_suffix(".part"))
    assert Origin(str(folder)).bring(file["sha256"], file["bytes"], target) == 0


def test_a_file_that_a_power_cut_left_without_its_content_is_fetched_again(site: Site) -> None:
    for path in (site.folder / "files").iterdir():
        site.box.files.mkdir(exist_ok=True)
        (site.box.files / path.name).write_bytes(b"\0" * path.stat().st_size)
    assert site.round().what == "updated"
    for path in (site.folder / "files").iterdir():
        assert (site.box.files / path.name).read_bytes() == path.read_bytes()


class PowerCutError(Exception):
    """The box is off from here on."""


@pytest.mark.parametrize("call", ["stop", "start", "test", "take_in", "keep"])
def test_wherever_the_power_goes_one_slot_comes_with_the_boot_and_the_release_after_it(
    site: Site, monkeypatch: pytest.MonkeyPatch, call: str
) -> None:
    site.round()
    site.publish(2)
    with monkeypatch.context() as cut:

        def off(slot: str) -> None:
            raise PowerCutError

        whole = getattr(site.engines, call)
        cut.setattr(site.engines, call, lambda slot: whole(slot) if slot == "a" else off(slot))
        with pytest.raises(PowerCutError):
            site.round()
    assert site.engines.kept == {"a"}
    site.engines.on = set(site.engines.kept)  # the boot
    assert site.round().what in ("updated", "current")
    assert (site.state.active, site.engines.on, site.engines.kept) == ("b", {"b"}, {"b"})


def test_power_cuts_during_the_download_do_not_count_against_the_release(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    site.round()
    site.publish(2)
    with monkeypatch.context() as cut:
        cut.setattr(pulling, "fetch", _cut_off)
        for _ in range(MOST_TRIES + 1):
            with pytest.raises(PowerCutError):
                site.round()
    assert site.round().what == "updated"


def _cut_off(*arguments: object) -> int:
    raise PowerCutError


def test_beside_an_engine_that_came_another_way_the_first_release_takes_the_free_slot(site: Site) -> None:
    site.engines.foreign = {"a"}
    assert (site.round().what, site.state.active) == ("updated", "b")
