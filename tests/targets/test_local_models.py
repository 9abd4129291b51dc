"""Models that are not bundled: a repository of a hub (on loopback), a folder, a file."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest

from llmdeploy.targets.local.preparing import DISK_MARGIN
from tests.command import SHORT, Result, free_port, llmdeploy
from tests.engine_fixture import MODEL_FILE
from tests.hub_server import HubServer

COMMIT, NEWER = "a" * 40, "b" * 40


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    (tmp_path / "llmdeploy.yaml").write_text(SHORT.format(name="models", port=free_port()))
    yield tmp_path
    if (tmp_path / ".llmdeploy" / "models" / "supervisor").exists():
        llmdeploy("down", "--name", "models", cwd=tmp_path)


def up(folder: Path, model: str, hub: HubServer | None = None) -> Result:
    variables = {"HF_ENDPOINT": hub.url} if hub else {"HF_ENDPOINT": "http://127.0.0.1:9"}
    variables["LLMDEPLOY_MODELS"] = str(folder / "weights")
    return llmdeploy("up", "-y", "--json", "--model", model, cwd=folder, variables=variables)


def revision_of(result: Result) -> str:
    revision: str = result.json["plan"]["model"]["revision"]
    return revision


def test_a_repository_is_pinned_fetched_verified_served_and_not_moved_by_its_branch(folder: Path) -> None:
    with HubServer() as hub:
        hub.add("acme/tiny-GGUF", COMMIT, {"tiny-Q8_0.gguf": MODEL_FILE.read_bytes()})
        first = up(folder, "acme/tiny-GGUF", hub)
        assert first.exit_code == 0, first.stdout + first.stderr
        assert revision_of(first) == COMMIT
        hub.add("acme/tiny-GGUF", NEWER, {"tiny-Q8_0.gguf": MODEL_FILE.read_bytes()})
        sent = hub.bytes_sent
        second = up(folder, "acme/tiny-GGUF", hub)
        assert revision_of(second) == COMMIT
        assert hub.bytes_sent == sent, "what was fetched is not fetched again"
    assert llmdeploy("chat", "7*8", cwd=folder).stdout == "7 * 8 = 56.\n"
    offline = up(folder, "acme/tiny-GGUF")
    assert offline.exit_code == 0, offline.stdout
    assert revision_of(offline) == COMMIT


def test_weights_that_are_here_need_no_room_again_after_down(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with HubServer() as hub:
        hub.add("acme/tiny-GGUF", COMMIT, {"tiny-Q8_0.gguf": MODEL_FILE.read_bytes()})
        assert up(folder, "acme/tiny-GGUF", hub).exit_code == 0
    assert llmdeploy("down", "--name", "models", cwd=folder).exit_code == 0
    # Room for logs and history, and one byte less than the model takes.
    free = SimpleNamespace(free=DISK_MARGIN + MODEL_FILE.stat().st_size - 1)
    monkeypatch.setattr("llmdeploy.targets.local.preparing.shutil.disk_usage", lambda _: free)
    again = up(folder, "acme/tiny-GGUF")
    assert again.exit_code == 0, again.stdout


def test_planning_downloads_the_header_only(folder: Path) -> None:
    with HubServer() as hub:
        big = MODEL_FILE.read_bytes()
        hub.add("acme/tiny-GGUF", COMMIT, {"tiny-Q8_0.gguf": big, "other-Q4_0.gguf": big})
        result = llmdeploy(
            "prepare", "--json", "--model", "acme/tiny-GGUF", cwd=folder, variables={"HF_ENDPOINT": hub.url}
        )
        assert result.json["plan"]["model"]["size_bytes"] == len(big)
        assert not [request for request in hub.requests if request.method == "GET" and "range" not in request.headers
                    and "/resolve/" in request.path]  # fmt: skip


def test_no_network_is_exit_4_with_a_hint(folder: Path) -> None:
    result = up(folder, "acme/tiny-GGUF")
    assert result.exit_code == 4
    assert "path" in result.json["error"]["hint"]


def test_wrong_bytes_are_not_served(folder: Path) -> None:
    with HubServer() as hub:
        hub.add("acme/tiny-GGUF", COMMIT, {"tiny-Q8_0.gguf": MODEL_FILE.read_bytes()})
        hub.faults.wrong.add("tiny-Q8_0.gguf")
        result = up(folder, "acme/tiny-GGUF", hub)
    assert result.exit_code == 5, result.stdout
    assert "tiny-Q8_0.gguf" in result.json["error"]["message"]
    assert llmdeploy("status", "--json", cwd=folder).json["error"]["exit_code"] == 4


def test_a_folder_with_one_gguf_file_is_a_model(folder: Path) -> None:
    (folder / "mine").mkdir()
    shutil.copy(MODEL_FILE, folder / "mine" / "any name.gguf")
    result = up(folder, "./mine")
    assert result.exit_code == 0, result.stdout + result.stderr
    assert llmdeploy("chat", "7*8", cwd=folder).stdout == "7 * 8 = 56.\n"


def test_a_short_name_is_planned_without_a_network(folder: Path) -> None:
    result = llmdeploy(
        "prepare", "--json", "--model", "qwen3-0.6b", cwd=folder, variables={"HF_ENDPOINT": "http://127.0.0.1:9"}
    )
    assert result.exit_code == 0, result.stdout
    model = result.json["plan"]["model"]
    assert model["location"] == "Qwen/Qwen3-0.6B-GGUF"
    assert len(model["revision"]) == 40
    assert len(model["sha256"]) == 64
