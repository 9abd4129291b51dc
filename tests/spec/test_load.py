"""Reading the file itself."""

from __future__ import annotations

from pathlib import Path

import pytest

from llmdeploy.errors import ExitCode, SpecError
from llmdeploy.spec import load_spec, parse_spec


def refused(path: Path) -> SpecError:
    with pytest.raises(SpecError) as caught:
        load_spec(path, {})
    assert caught.value.exit_code == ExitCode.SPEC
    assert caught.value.source == str(path)
    (problem,) = caught.value.problems
    assert problem.path == "spec"
    assert problem.hint
    return caught.value


def test_a_file_is_read(tmp_path: Path) -> None:
    file = tmp_path / "llmdeploy.yaml"
    file.write_bytes(b"\xef\xbb\xbfname: mine\r\naccess:\r\n  port: 9000\r\n")
    spec = load_spec(file, {"access.port": 9001})
    assert (spec.name, spec.access.port) == ("mine", 9001)


def test_a_missing_file_names_the_command_that_writes_one(tmp_path: Path) -> None:
    error = refused(tmp_path / "none.yaml")
    assert error.problems[0].message == "there is no such file"
    assert "llmdeploy init" in error.problems[0].hint


def test_a_folder_is_no_spec(tmp_path: Path) -> None:
    assert "folder" in refused(tmp_path).problems[0].message


def test_a_path_through_a_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    assert "cannot be read" in refused(tmp_path / "file" / "llmdeploy.yaml").problems[0].message


@pytest.mark.parametrize("name", ["a\0b", "a" * 300])
def test_an_impossible_name_is_refused(tmp_path: Path, name: str) -> None:
    assert "cannot be read" in refused(tmp_path / name).problems[0].message


def test_a_file_of_somebody_else_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def denied(*_: object) -> None:  # root may read every file, so the refusal is played
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "open", denied)
    assert "chmod" in refused(tmp_path / "llmdeploy.yaml").problems[0].hint


def test_a_large_file_is_refused_by_its_size_alone(tmp_path: Path) -> None:
    file = tmp_path / "llmdeploy.yaml"
    with file.open("wb") as sparse:
        sparse.truncate(50 * 2**30)
    assert "larger than 1 MiB" in refused(file).problems[0].message


def test_an_endless_file_is_read_no_further_than_needed() -> None:
    assert "larger than 1 MiB" in refused(Path("/dev/zero")).problems[0].message


def test_a_link_to_nowhere_is_a_missing_file(tmp_path: Path) -> None:
    link = tmp_path / "llmdeploy.yaml"
    link.symlink_to(tmp_path / "gone")
    assert refused(link).problems[0].message == "there is no such file"


@pytest.mark.parametrize("word", ["oN", "yES", "ofF", "nO"])
def test_a_word_that_no_yaml_reader_takes_for_true_or_false_is_a_word(word: str) -> None:
    assert parse_spec(f"model: {word}\n", "x").model.id == word
