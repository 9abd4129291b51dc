"""A bundle's archive: the same bytes for the same files, and nothing taken that is not as its list says."""

from __future__ import annotations

import hashlib
import io
import tarfile
from pathlib import Path

import pytest

from llmdeploy.adapters.archive import SUMS, unpack_archive, write_archive
from llmdeploy.errors import StepError


@pytest.fixture
def bundle(tmp_path: Path) -> Path:
    (tmp_path / "one").write_bytes(b"one")
    (tmp_path / "two").write_bytes(b"two" * 1000)
    write_archive(tmp_path / "bundle.tar", {"a/one": tmp_path / "one", "two": tmp_path / "two"})
    return tmp_path / "bundle.tar"


def rewritten(bundle: Path, members: dict[str, bytes]) -> Path:
    """An archive with these members in place of the bundle's own."""
    target = bundle.with_name("other.tar")
    with tarfile.open(target, "w") as archive:
        for name, content in members.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content))
    return target


def members(bundle: Path) -> dict[str, bytes]:
    with tarfile.open(bundle) as archive:
        return {one.name: archive.extractfile(one).read() for one in archive}  # type: ignore[union-attr]


def test_what_went_in_comes_out(bundle: Path, tmp_path: Path) -> None:
    unpack_archive(bundle, tmp_path / "out")
    assert (tmp_path / "out/a/one").read_bytes() == b"one"
    assert (tmp_path / "out/two").read_bytes() == b"two" * 1000


def test_the_same_files_give_the_same_bytes(bundle: Path, tmp_path: Path) -> None:
    (tmp_path / "one").touch()
    again = write_archive(tmp_path / "again.tar", {"two": tmp_path / "two", "a/one": tmp_path / "one"})
    assert (tmp_path / "again.tar").read_bytes() == bundle.read_bytes()
    assert again == hashlib.sha256(bundle.read_bytes()).hexdigest()


def test_the_list_is_what_sha256sum_checks(bundle: Path) -> None:
    assert members(bundle)[SUMS].decode().splitlines()[0] == f"{hashlib.sha256(b'one').hexdigest()}  a/one"


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"two": b"other"}, "two has another sha256"),
        ({"three": b"new"}, "three is not in its list"),
        ({"two": None}, "two is missing"),
        ({SUMS: b"nonsense\n"}, "cannot be read"),
        ({SUMS: None}, "does not begin with SHA256SUMS"),
    ],
)
def test_a_changed_bundle_is_refused(bundle: Path, tmp_path: Path, change: dict[str, bytes | None], said: str) -> None:
    changed = {name: content for name, content in {**members(bundle), **change}.items() if content is not None}
    with pytest.raises(StepError, match=said):
        unpack_archive(rewritten(bundle, changed), tmp_path / "out")


def test_a_name_that_leads_out_of_the_folder_is_refused(bundle: Path, tmp_path: Path) -> None:
    sums = f"{hashlib.sha256(b'x').hexdigest()}  ../x\n".encode()
    with pytest.raises(StepError, match="not in its list"):
        unpack_archive(rewritten(bundle, {SUMS: sums, "../x": b"x"}), tmp_path / "out")
    assert not (tmp_path / "x").exists()


def test_a_cut_or_missing_bundle_is_an_error_in_words(bundle: Path, tmp_path: Path) -> None:
    bundle.write_bytes(bundle.read_bytes()[:2500])
    with pytest.raises(StepError):
        unpack_archive(bundle, tmp_path / "out")
    with pytest.raises(StepError, match="does not exist"):
        unpack_archive(tmp_path / "nothing.tar", tmp_path / "out")
