"""Fetching and verifying weights: every source, interruption, damage, refusal."""

from __future__ import annotations

import errno
import hashlib
import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from llmdeploy.adapters.hub import remote as hub_http
from llmdeploy.adapters.weights import fetch
from llmdeploy.errors import ExitCode, MissingError, StepError
from llmdeploy.plan import ModelFormat, ModelRef, ModelSource
from llmdeploy.secret import Secret
from tests.hub_server import HubServer

DEMO = Path(__file__).parents[2] / "src/llmdeploy/models/demo/llmdeploy-demo-Q8_0.gguf"
DEMO_SHA256 = "9ff94bc870bff010ef6d51db04f8d289d3fe53139e60dd6a5839cbce59cf61d0"
COMMIT = "c" * 40
REPO = "owner/tiny-GGUF"


def safetensors(count: int = 2, items: int = 100) -> bytes:
    """A safetensors file with `count` F16 tensors."""
    header = {
        f"layer.{n}": {"dtype": "F16", "shape": [items], "data_offsets": [n * 2 * items, (n + 1) * 2 * items]}
        for n in range(count)
    }
    text = json.dumps({"__metadata__": {"format": "pt"}, **header}).encode()
    return len(text).to_bytes(8, "little") + text + os.urandom(2 * items * count)


OWN_CODE = b'{"auto_map": {"AutoModel": "m.X"}}'
OTHERS_CODE = b'{"auto_map": {"AutoTokenizer": [null, "a/b--m.X"]}}'
FOLDER = {"config.json": b'{"model_type": "llama"}', "tokenizer.json": b"{}", "model.safetensors": safetensors()}


@pytest.fixture(autouse=True)
def _short_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hub_http, "WAITS", (0.01, 0.01, 0.01, 0.01))


@pytest.fixture
def hub() -> Iterator[HubServer]:
    with HubServer() as server:
        server.add(REPO, COMMIT, {"tiny-Q8_0.gguf": DEMO.read_bytes()})
        yield server


class Told:
    """What the user would see of the progress."""

    def __init__(self) -> None:
        self.calls: list[tuple[str, int, int]] = []

    def __call__(self, label: str, done: int, total: int) -> None:
        self.calls.append((label, done, total))


def from_hub(**changed: Any) -> ModelRef:
    fields: dict[str, Any] = {
        "id": REPO, "source": "hub", "location": REPO, "format": "gguf", "size_bytes": DEMO.stat().st_size,
        "revision": COMMIT, "file": "tiny-Q8_0.gguf", "sha256": DEMO_SHA256,
    }  # fmt: skip
    return ModelRef(**(fields | changed))


def at(path: Path, kind: ModelFormat = "gguf", source: ModelSource = "path", **more: str) -> ModelRef:
    return ModelRef(str(path), source, str(path), kind, 0, **more)


def folder(path: Path, files: dict[str, bytes]) -> Path:
    for name, content in files.items():
        (path / name).parent.mkdir(parents=True, exist_ok=True)
        (path / name).write_bytes(content)
    return path


def silent(label: str, done: int, total: int) -> None:
    return


# From a hub


def test_a_file_of_the_hub_is_brought_verified_and_recorded(hub: HubServer, tmp_path: Path) -> None:
    told = Told()
    found = fetch(from_hub(), tmp_path, told, None, hub.url)

    assert found.path == tmp_path / "owner--tiny-GGUF" / COMMIT / "tiny-Q8_0.gguf"
    assert found.sha256 == {"tiny-Q8_0.gguf": DEMO_SHA256}
    assert found.path.read_bytes() == DEMO.read_bytes()
    record = json.loads((found.path.parent / "verified.json").read_text())
    now = found.path.stat()
    assert record["files"]["tiny-Q8_0.gguf"] == {
        "sha256": DEMO_SHA256, "size": now.st_size, "mtime_ns": now.st_mtime_ns,
    }  # fmt: skip
    size = DEMO.stat().st_size
    assert told.calls[0] == (f"download {REPO}", 0, size)
    assert told.calls[-1] == (f"download {REPO}", size, size)
    assert not list((tmp_path / ".partial").rglob("*.part"))


def test_a_second_run_uses_no_network_and_reads_no_weights(hub: HubServer, tmp_path: Path) -> None:
    first = fetch(from_hub(), tmp_path, silent, None, hub.url)
    asked, told = len(hub.requests), Told()

    assert fetch(from_hub(), tmp_path, told, None, hub.url) == first
    assert len(hub.requests) == asked
    assert told.calls == []


def test_two_revisions_never_mix(hub: HubServer, tmp_path: Path) -> None:
    hub.add(REPO, "d" * 40, {"tiny-Q8_0.gguf": DEMO.read_bytes() + b"new"})
    old = fetch(from_hub(), tmp_path, silent, None, hub.url)
    new = fetch(from_hub(revision="d" * 40, sha256=""), tmp_path, silent, None, hub.url)

    assert old.path.read_bytes() == DEMO.read_bytes()
    assert new.path.read_bytes() == DEMO.read_bytes() + b"new"


def test_a_cut_connection_is_taken_up_where_it_broke(hub: HubServer, tmp_path: Path) -> None:
    hub.faults.cut_after, hub.faults.cuts = 300_000, 4
    found = fetch(from_hub(), tmp_path, silent, None, hub.url)

    assert found.sha256 == {"tiny-Q8_0.gguf": DEMO_SHA256}
    assert hub.bytes_sent == DEMO.stat().st_size
    assert len(hub.paths("/resolve/")) == 5


def test_a_killed_run_goes_on_with_the_bytes_that_are_there(hub: HubServer, tmp_path: Path) -> None:
    hub.faults.pause = 0.05
    code = (
        "from pathlib import Path; from llmdeploy.plan import ModelRef; from llmdeploy.adapters.weights import fetch\n"
        f"fetch({from_hub()!r}, Path({str(tmp_path)!r}), lambda *_: None, None, {hub.url!r})"
    )
    run = subprocess.Popen([sys.executable, "-c", code])
    partial = tmp_path / ".partial" / "owner--tiny-GGUF" / COMMIT / "tiny-Q8_0.gguf.part"
    _until(lambda: partial.is_file() and partial.stat().st_size > 500_000)
    run.send_signal(signal.SIGKILL)
    run.wait(5)
    kept = partial.stat().st_size
    assert 500_000 < kept < DEMO.stat().st_size
    assert not list(tmp_path.glob("owner--*/**/*.gguf"))
    hub.faults.pause = 0.0
    time.sleep(0.2)  # the server's last piece to the dead client
    sent = hub.bytes_sent

    found = fetch(from_hub(), tmp_path, silent, None, hub.url)

    assert hub.bytes_sent - sent == DEMO.stat().st_size - kept
    assert hub.requests[-1].headers["range"] == f"bytes={kept}-"
    assert found.sha256 == {"tiny-Q8_0.gguf": DEMO_SHA256}


def test_killed_between_move_and_record_needs_no_second_download(hub: HubServer, tmp_path: Path) -> None:
    found = fetch(from_hub(), tmp_path, silent, None, hub.url)
    (found.path.parent / "verified.json").unlink()
    sent = hub.bytes_sent

    assert fetch(from_hub(), tmp_path, silent, None, hub.url) == found
    assert hub.bytes_sent == sent


def test_a_server_that_ignores_ranges_sends_all_again(hub: HubServer, tmp_path: Path) -> None:
    hub.faults.cut_after, hub.faults.cuts, hub.faults.ignore_range = 300_000, 1, True
    told = Told()
    assert fetch(from_hub(), tmp_path, told, None, hub.url).sha256 == {"tiny-Q8_0.gguf": DEMO_SHA256}
    assert max(done for _, done, _ in told.calls) == DEMO.stat().st_size


def test_a_partial_file_that_is_too_long_or_wrong_is_no_whole_file(hub: HubServer, tmp_path: Path) -> None:
    partials = tmp_path / ".partial" / "owner--tiny-GGUF" / COMMIT
    folder(partials, {"tiny-Q8_0.gguf.part": DEMO.read_bytes() + b"more"})
    assert fetch(from_hub(), tmp_path, silent, None, hub.url).sha256 == {"tiny-Q8_0.gguf": DEMO_SHA256}


def test_wrong_bytes_are_set_aside_and_the_next_run_heals(hub: HubServer, tmp_path: Path) -> None:
    hub.faults.wrong = {"tiny-Q8_0.gguf"}
    with pytest.raises(StepError, match=r"tiny-Q8_0.gguf is damaged: SHA-256") as caught:
        fetch(from_hub(), tmp_path, silent, None, hub.url)
    assert "run again" in caught.value.hint
    corrupt = tmp_path / ".partial" / "owner--tiny-GGUF" / COMMIT / "tiny-Q8_0.gguf.corrupt"
    assert corrupt.is_file()
    assert not list(tmp_path.glob("owner--*/**/*.gguf"))

    hub.faults.wrong = set()
    assert fetch(from_hub(), tmp_path, silent, None, hub.url).sha256 == {"tiny-Q8_0.gguf": DEMO_SHA256}
    assert not corrupt.exists()


def test_weights_changed_on_disk_are_found_set_aside_and_fetched_anew(hub: HubServer, tmp_path: Path) -> None:
    path = fetch(from_hub(), tmp_path, silent, None, hub.url).path
    with path.open("r+b") as stream:
        stream.seek(1_000_000)
        stream.write(b"flip")
    with pytest.raises(StepError, match=r"tiny-Q8_0.gguf is damaged") as caught:
        fetch(from_hub(), tmp_path, silent, None, hub.url)
    assert ".corrupt" in caught.value.hint

    assert fetch(from_hub(), tmp_path, silent, None, hub.url).path.read_bytes() == DEMO.read_bytes()


def test_a_touched_file_is_hashed_again_once(hub: HubServer, tmp_path: Path) -> None:
    path = fetch(from_hub(), tmp_path, silent, None, hub.url).path
    os.utime(path)
    first, second = Told(), Told()
    fetch(from_hub(), tmp_path, first, None, hub.url)
    fetch(from_hub(), tmp_path, second, None, hub.url)
    assert {label for label, _, _ in first.calls} == {"verify tiny-Q8_0.gguf"}
    assert second.calls == []


def test_a_small_file_outside_lfs_is_checked_by_its_git_id(hub: HubServer, tmp_path: Path) -> None:
    hub.add("owner/tiny", COMMIT, FOLDER)
    hub.faults.wrong = {"tokenizer.json"}
    ref = from_hub(location="owner/tiny", format="safetensors", file="", sha256="")
    with pytest.raises(StepError, match=r"tokenizer.json is damaged: git blob"):
        fetch(ref, tmp_path, silent, None, hub.url)


def test_a_damaged_record_only_costs_time(hub: HubServer, tmp_path: Path) -> None:
    found = fetch(from_hub(), tmp_path, silent, None, hub.url)
    sent = hub.bytes_sent
    for text in ("", "{", "[1]", '{"files": {"x": {"size": "?"}}, "sets": {}}', "[" * 100_000, "\0"):
        (found.path.parent / "verified.json").write_text(text)
        assert fetch(from_hub(), tmp_path, silent, None, hub.url) == found
    assert hub.bytes_sent == sent


def test_the_pinned_hash_is_compared_before_the_download(hub: HubServer, tmp_path: Path) -> None:
    with pytest.raises(StepError, match=r"tiny-Q8_0.gguf: SHA-256 9ff94bc870bf where 000000000000 was expected"):
        fetch(from_hub(sha256="0" * 64), tmp_path, silent, None, hub.url)
    assert hub.bytes_sent == 0


def test_a_revision_that_is_no_commit_is_refused(hub: HubServer, tmp_path: Path) -> None:
    with pytest.raises(StepError, match="main is not a commit hash"):
        fetch(from_hub(revision="main"), tmp_path, silent, None, hub.url)


def test_split_gguf_is_brought_whole(hub: HubServer, tmp_path: Path) -> None:
    parts = [f"Q8_0/tiny-0000{n}-of-00002.gguf" for n in (1, 2)]
    hub.add(REPO, COMMIT, dict.fromkeys(reversed(parts), DEMO.read_bytes()))
    found = fetch(from_hub(file=parts[0]), tmp_path, silent, None, hub.url)
    assert found.path.name == "tiny-00001-of-00002.gguf"
    assert sorted(found.sha256) == parts
    assert all((tmp_path / "owner--tiny-GGUF" / COMMIT / part).is_file() for part in parts)


def test_a_gguf_that_is_truncated_in_the_repository_is_refused(hub: HubServer, tmp_path: Path) -> None:
    hub.add(REPO, COMMIT, {"tiny-Q8_0.gguf": DEMO.read_bytes()[:1_000_000]})
    with pytest.raises(StepError, match=r"tiny-Q8_0.gguf: the GGUF file is cut off"):
        fetch(from_hub(sha256=""), tmp_path, silent, None, hub.url)
    assert not list(tmp_path.glob("owner--*/**/*.gguf"))


def test_safetensors_come_with_configuration_and_tokenizer_and_without_code(hub: HubServer, tmp_path: Path) -> None:
    parts = ["model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors"]
    index = json.dumps({"weight_map": {"a": parts[0], "b": parts[1]}}).encode()
    files = {
        **{name: FOLDER[name] for name in ("config.json", "tokenizer.json")},
        **{name: safetensors() for name in parts},
        "model.safetensors.index.json": index,
        "chat_template.jinja": b"{{ x }}",
        "pytorch_model.bin": b"pickle",
        "modeling_tiny.py": b"raise SystemExit",
        "original/params.json": b"{}",
        "README.md": b"#",
    }
    hub.add("owner/tiny", COMMIT, files)
    ref = from_hub(location="owner/tiny", format="safetensors", file="", sha256="")
    found = fetch(ref, tmp_path, silent, None, hub.url)

    assert found.path == tmp_path / "owner--tiny" / COMMIT
    there = {one.name for one in found.path.iterdir()} - {"verified.json"}
    assert there == {*parts, "config.json", "tokenizer.json", "model.safetensors.index.json", "chat_template.jinja"}
    assert found.sha256 == {name: hashlib.sha256(files[name]).hexdigest() for name in there}
    asked = len(hub.requests)
    assert fetch(ref, tmp_path, silent, None, hub.url) == found
    assert len(hub.requests) == asked


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ({"pytorch_model.bin": b"x", "config.json": b"{}"}, "has no safetensors weights"),
        ({"model.safetensors": safetensors(), "tokenizer.json": b"{}"}, "without config.json"),
        ({"model.safetensors": safetensors(), "config.json": b"{}"}, "without a tokenizer"),
        ({**FOLDER, "config.json": b"{"}, "config.json is not JSON"),
        ({**FOLDER, "model.safetensors": safetensors()[:-1]}, "cut off or too long"),
        ({**FOLDER, "config.json": b'{"auto_map": {"AutoModel": "evil/repo--m.X"}}'}, "code of another repository"),
        ({**FOLDER, "model.safetensors.index.json": b'{"weight_map": {"a": "x.safetensors"}}'}, "x.safetensors is not"),
    ],
)
def test_what_a_repository_must_not_hold_or_lack(
    hub: HubServer, tmp_path: Path, files: dict[str, bytes], message: str
) -> None:
    hub.add("owner/tiny", COMMIT, files)
    ref = from_hub(location="owner/tiny", format="safetensors", file="", sha256="")
    with pytest.raises((StepError, MissingError), match=message):
        fetch(ref, tmp_path, silent, None, hub.url)
    with pytest.raises((StepError, MissingError), match=message):  # and it is not taken for whole the second time
        fetch(ref, tmp_path, silent, None, hub.url)


@pytest.mark.parametrize("name", ["pytorch_model.bin", "model.pkl", "modeling.py", "model.h5"])
def test_what_can_hold_code_is_not_fetched_even_by_name(hub: HubServer, tmp_path: Path, name: str) -> None:
    hub.add(REPO, COMMIT, {name: b"x"})
    with pytest.raises(MissingError, match="is not safetensors or GGUF"):
        fetch(from_hub(file=name, sha256=""), tmp_path, silent, None, hub.url)
    assert hub.bytes_sent == 0


def test_file_names_that_leave_the_folder_are_not_written(hub: HubServer, tmp_path: Path) -> None:
    name = "../../../evil.gguf"
    hub.add(REPO, COMMIT, {name: DEMO.read_bytes()})
    with pytest.raises(StepError, match="leaves the folder"):
        fetch(from_hub(file=name), tmp_path / "store", silent, None, hub.url)
    assert not list(tmp_path.rglob("evil*"))


def test_gated_and_private_say_what_to_do(hub: HubServer, tmp_path: Path) -> None:
    hub.add("owner/gated", COMMIT, {"tiny-Q8_0.gguf": DEMO.read_bytes()}, gated=True)
    hub.add("owner/private", COMMIT, {"tiny-Q8_0.gguf": DEMO.read_bytes()}, private=True)
    for token in (None, Secret("hf_other")):
        with pytest.raises(MissingError, match="owner/gated is gated") as caught:
            fetch(from_hub(location="owner/gated"), tmp_path, silent, token, hub.url)
        assert f"accept its licence at {hub.url}/owner/gated" in caught.value.hint
        assert "hf auth login" in caught.value.hint
        assert caught.value.exit_code == ExitCode.MISSING
    with pytest.raises(MissingError, match="owner/private") as caught:
        fetch(from_hub(location="owner/private"), tmp_path, silent, None, hub.url)
    assert "HF_TOKEN" in caught.value.hint
    assert fetch(from_hub(location="owner/gated"), tmp_path, silent, Secret(hub.token), hub.url).path.is_file()


def test_the_token_is_in_no_error_and_no_file(hub: HubServer, tmp_path: Path) -> None:
    hub.faults.status = {"/resolve/": [403]}
    with pytest.raises(MissingError) as caught:
        fetch(from_hub(), tmp_path, silent, Secret("hf_secret_text"), hub.url)
    assert "hf_secret_text" not in caught.value.message + caught.value.hint
    fetch(from_hub(), tmp_path, silent, Secret("hf_secret_text"), hub.url)
    texts = [one.read_bytes() for one in tmp_path.rglob("*") if one.is_file()]
    assert not any(b"hf_secret_text" in text for text in texts)


def test_a_file_that_is_not_there_names_near_ones(hub: HubServer, tmp_path: Path) -> None:
    with pytest.raises(MissingError, match="has no file tiny-Q8_1") as caught:
        fetch(from_hub(file="tiny-Q8_1.gguf"), tmp_path, silent, None, hub.url)
    assert caught.value.hint == "did you mean tiny-Q8_0.gguf?"


def test_no_network_and_a_server_that_never_answers(
    hub: HubServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from huggingface_hub import constants

    with HubServer() as gone:
        address = gone.url
    with pytest.raises(MissingError, match="cannot reach"):
        fetch(from_hub(), tmp_path, silent, None, address)
    hub.faults.silent = 2.0
    monkeypatch.setattr(constants, "HF_HUB_DOWNLOAD_TIMEOUT", 0.05)
    started = time.monotonic()
    with pytest.raises(MissingError, match="cannot reach"):
        fetch(from_hub(), tmp_path, silent, None, hub.url)
    assert time.monotonic() - started < 1.5


def test_a_busy_hub_is_waited_for(hub: HubServer, tmp_path: Path) -> None:
    hub.faults.status = {"/resolve/": [429, 503, 500]}
    assert fetch(from_hub(), tmp_path, silent, None, hub.url).sha256 == {"tiny-Q8_0.gguf": DEMO_SHA256}


def test_files_may_lie_elsewhere(tmp_path: Path) -> None:
    with HubServer() as cdn, HubServer(cdn=cdn) as hub:
        hub.add(REPO, COMMIT, {"tiny-Q8_0.gguf": DEMO.read_bytes()})
        cdn.faults.cut_after, cdn.faults.cuts = 1_000_000, 1
        assert fetch(from_hub(), tmp_path, silent, Secret(hub.token), hub.url).path.is_file()
        assert (hub.bytes_sent, cdn.bytes_sent) == (0, DEMO.stat().st_size)
        assert not any("authorization" in request.headers for request in cdn.requests)


def test_space_is_looked_at_before_the_download(
    hub: HubServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    usage = type(shutil.disk_usage("/"))(10**9, 10**9 - 10**7, 10**7)
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage)
    with pytest.raises(MissingError, match=r"needs 2.2 MB more at .*, and 10.0 MB is free"):
        fetch(from_hub(), tmp_path, silent, None, hub.url)
    assert hub.bytes_sent == 0


FULL_DISK = """
import resource, shutil
from pathlib import Path
from llmdeploy.adapters.weights import fetch
from llmdeploy.errors import StepError
from llmdeploy.plan import ModelRef
shutil.disk_usage = lambda path: type(shutil._ntuple_diskusage(0, 0, 0))(0, 0, 10**12)
{before}
try:
    fetch({ref!r}, Path({store!r}), lambda *_: None, None, {url!r})
except StepError as error:
    print(error.message, "|", error.hint)
"""


def test_a_disk_that_fills_up_in_the_middle_keeps_what_arrived(hub: HubServer, tmp_path: Path) -> None:
    """With a limit on the size of a file, which the kernel reports while it is written, as it does a full disk."""
    limit = "resource.setrlimit(resource.RLIMIT_FSIZE, (600_000, resource.RLIM_INFINITY))"
    code = FULL_DISK.format(before=limit, ref=from_hub(), store=str(tmp_path), url=hub.url)
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=30, check=False)
    assert "the disk is full" in done.stdout, done.stderr
    assert "needs 2.2 MB: free some space and run again" in done.stdout
    time.sleep(0.2)  # the server's last piece to the dead client
    sent = hub.bytes_sent
    assert fetch(from_hub(), tmp_path, silent, None, hub.url).sha256 == {"tiny-Q8_0.gguf": DEMO_SHA256}
    assert hub.requests[-1].headers["range"] == "bytes=600000-"
    assert hub.bytes_sent - sent == DEMO.stat().st_size - 600_000


def test_a_full_file_system(hub: HubServer, tmp_path: Path) -> None:
    alone = ["unshare", "--user", "--map-root-user", "--mount"]
    mount = f"mount -t tmpfs -o size=1m none {tmp_path}"
    if shutil.which("unshare") is None or subprocess.run([*alone, "sh", "-c", mount], check=False).returncode:
        pytest.skip("no small file system can be mounted here (user namespaces are off)")
    code = FULL_DISK.format(before="", ref=from_hub(), store=str(tmp_path), url=hub.url)
    run = [*alone, "sh", "-c", f'{mount} && exec "$@"', "sh", sys.executable, "-c", code]
    done = subprocess.run(run, capture_output=True, text=True, timeout=30, check=False)
    assert "the disk is full" in done.stdout, done.stderr
    assert os.strerror(errno.ENOSPC) in done.stdout


def test_a_partial_file_that_is_a_link_is_not_followed(hub: HubServer, tmp_path: Path) -> None:
    partial = tmp_path / ".partial" / "owner--tiny-GGUF" / COMMIT / "tiny-Q8_0.gguf.part"
    partial.parent.mkdir(parents=True)
    partial.symlink_to("/dev/full")
    assert fetch(from_hub(), tmp_path, silent, None, hub.url).path.read_bytes() == DEMO.read_bytes()


def test_a_store_that_cannot_be_written(hub: HubServer) -> None:
    with pytest.raises(StepError, match="no access to /sys/") as caught:
        fetch(from_hub(), Path("/sys/llmdeploy-models"), silent, None, hub.url)
    assert "LLMDEPLOY_MODELS" in caught.value.hint


def test_two_runs_at_once_download_once(hub: HubServer, tmp_path: Path) -> None:
    hub.faults.pause = 0.01
    told, found = [Told(), Told()], []
    runs = [
        threading.Thread(target=lambda one=one: found.append(fetch(from_hub(), tmp_path, one, None, hub.url)))
        for one in told
    ]
    for run in runs:
        run.start()
    for run in runs:
        run.join(20)
    assert len(found) == 2
    assert found[0] == found[1]
    assert hub.bytes_sent == DEMO.stat().st_size
    assert any(label.startswith("wait for another download") for one in told for label, _, _ in one.calls)


def test_progress_is_told_at_most_ten_times_a_second(hub: HubServer, tmp_path: Path) -> None:
    hub.faults.pause = 0.02
    told, started = Told(), time.monotonic()
    fetch(from_hub(), tmp_path, told, None, hub.url)
    seconds = time.monotonic() - started
    assert 3 <= len(told.calls) <= seconds * 10 + 2
    assert [done for _, done, _ in told.calls] == sorted(done for _, done, _ in told.calls)


# Where they lie


def test_the_bundled_model_is_used_where_it_lies(tmp_path: Path) -> None:
    ref = at(DEMO, source="bundled", file=DEMO.name, sha256=DEMO_SHA256)
    found = fetch(ref, tmp_path, silent)
    assert found.path == DEMO
    assert found.sha256 == {DEMO.name: DEMO_SHA256}
    told = Told()
    assert fetch(ref, tmp_path, told) == found
    assert told.calls == []
    assert not list(tmp_path.rglob("*.gguf"))


def test_a_path_is_hashed_again_when_it_changes(tmp_path: Path) -> None:
    path = Path(shutil.copy(DEMO, tmp_path / "m.gguf"))
    before = fetch(at(path), tmp_path / "store", silent)
    path.write_bytes(DEMO.read_bytes() + b"x")
    after = fetch(at(path), tmp_path / "store", silent)
    assert before.sha256 == {"m.gguf": DEMO_SHA256}
    assert after.sha256 == {"m.gguf": hashlib.sha256(DEMO.read_bytes() + b"x").hexdigest()}


def test_a_path_with_another_hash_than_expected_stays_untouched(tmp_path: Path) -> None:
    path = Path(shutil.copy(DEMO, tmp_path / "m.gguf"))
    with pytest.raises(StepError, match="was expected"):
        fetch(at(path, sha256="1" * 64), tmp_path / "store", silent)
    assert path.read_bytes() == DEMO.read_bytes()


def test_a_read_only_store_only_costs_the_record(tmp_path: Path) -> None:
    assert fetch(at(DEMO), Path("/sys/llmdeploy-models"), silent).sha256 == {DEMO.name: DEMO_SHA256}


def test_folders_are_used_where_they_lie(tmp_path: Path) -> None:
    there = folder(tmp_path / "model", FOLDER)
    found = fetch(at(there, "safetensors"), tmp_path / "store", silent)
    assert found.path == there
    assert found.sha256 == {name: hashlib.sha256(data).hexdigest() for name, data in FOLDER.items()}
    lines = "".join(f"{found.sha256[name]}  {name}\n" for name in sorted(found.sha256))
    whole = hashlib.sha256(lines.encode()).hexdigest()
    assert fetch(at(there, "safetensors", sha256=whole), tmp_path / "store", silent) == found
    gguf = folder(tmp_path / "gguf", {"m.gguf": DEMO.read_bytes()})
    assert fetch(at(gguf), tmp_path / "store", silent).path == gguf / "m.gguf"


@pytest.mark.parametrize(
    ("files", "kind", "message", "hint"),
    [
        ({"pytorch_model.bin": b"x", "config.json": b"{}"}, "safetensors", "weights are pytorch_model.bin", "code"),
        ({"model.pt": b"x"}, "gguf", "only weights are model.pt", "code"),
        ({"notes.txt": b"x"}, "gguf", "no safetensors and no GGUF file", "there is notes.txt"),
        ({}, "safetensors", "no safetensors and no GGUF file", "there is nothing"),
        ({"a.gguf": b"", "b.gguf": b""}, "gguf", "several GGUF files: a.gguf, b.gguf", "name one"),
        ({"m-00001-of-00002.gguf": b""}, "gguf", "m-00002-of-00002.gguf is not there", "missing parts"),
        ({"m.gguf": b""}, "gguf", "m.gguf: the GGUF file is cut off", "again"),
        ({"m.gguf": b"PK\3\4" + bytes(99)}, "gguf", "m.gguf: not a GGUF file", ""),
        ({**FOLDER, "model.safetensors": b""}, "safetensors", "model.safetensors: no safetensors file", "again"),
        ({**FOLDER, "config.json": OWN_CODE, "m.py": b""}, "safetensors", "asks for the code in m.py", "never run"),
        ({**FOLDER, "tokenizer_config.json": OTHERS_CODE}, "safetensors", "another repository: a/b--m.X", "never run"),
        ({**FOLDER, "config.json": b'{"a":' * 100_000}, "safetensors", "config.json is not JSON", "again"),
    ],
)  # fmt: skip
def test_folders_that_are_refused_say_why(
    tmp_path: Path, files: dict[str, bytes], kind: ModelFormat, message: str, hint: str
) -> None:
    there = tmp_path / "model"
    there.mkdir()
    with pytest.raises((StepError, MissingError)) as caught:
        fetch(at(folder(there, files), kind), tmp_path / "store", silent)
    assert message in caught.value.message
    assert hint in caught.value.hint


def test_an_auto_map_without_code_is_data(tmp_path: Path) -> None:
    there = folder(tmp_path / "model", {**FOLDER, "config.json": OWN_CODE})
    assert fetch(at(there, "safetensors"), tmp_path / "store", silent).path == there


def test_a_link_that_leaves_the_folder_is_refused(tmp_path: Path) -> None:
    there = folder(tmp_path / "model", {name: data for name, data in FOLDER.items() if name != "model.safetensors"})
    outside = folder(tmp_path, {"secret.safetensors": FOLDER["model.safetensors"]}) / "secret.safetensors"
    (there / "model.safetensors").symlink_to(outside)
    with pytest.raises(StepError, match="link that leaves the folder"):
        fetch(at(there, "safetensors"), tmp_path / "store", silent)


def test_the_cache_of_the_hub_with_its_links_is_a_folder(tmp_path: Path) -> None:
    repository = folder(
        tmp_path / "models--owner--tiny", {f"blobs/{n}": data for n, data in enumerate(FOLDER.values())}
    )
    snapshot = repository / "snapshots" / COMMIT
    snapshot.mkdir(parents=True)
    for number, name in enumerate(FOLDER):
        (snapshot / name).symlink_to(f"../../blobs/{number}")
    assert sorted(fetch(at(snapshot, "safetensors"), tmp_path / "store", silent).sha256) == sorted(FOLDER)


def test_a_folder_that_cannot_be_listed_is_no_traceback(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    there = folder(tmp_path / "model", FOLDER)

    def closed(path: Path) -> Iterator[Path]:
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(path))

    monkeypatch.setattr(Path, "iterdir", closed)  # root, as in a container, may list every real folder
    with pytest.raises(StepError, match=f"no access to {there}"):
        fetch(at(there, "safetensors"), tmp_path / "store", silent)


def test_paths_that_are_none(tmp_path: Path) -> None:
    shutil.copy(DEMO, tmp_path / "model.gguf")
    with pytest.raises(MissingError, match=r"has no file modell\.gguf") as caught:
        fetch(at(tmp_path / "modell.gguf"), tmp_path / "store", silent)
    assert caught.value.hint == "did you mean model.gguf?"
    os.mkfifo(tmp_path / "pipe.gguf")
    with pytest.raises(StepError, match="not a regular file"):
        fetch(at(tmp_path / "pipe.gguf"), tmp_path / "store", silent)
    with pytest.raises(MissingError, match=r"has no file m\.gguf"):
        fetch(at(tmp_path / "nowhere" / "m.gguf"), tmp_path / "store", silent)


def test_a_gguf_needs_no_suffix(tmp_path: Path) -> None:
    path = Path(shutil.copy(DEMO, tmp_path / "sha256-9ff94bc8"))
    assert fetch(at(path), tmp_path / "store", silent).path == path
    (tmp_path / "text").write_text("no weights")
    with pytest.raises(StepError, match="text: not a GGUF file"):
        fetch(at(tmp_path / "text"), tmp_path / "store", silent)


# The header of safetensors


@pytest.mark.parametrize(
    "content",
    [
        b"", b"\0" * 8, b"\xff" * 64, (10).to_bytes(8, "little") + b"{}", (2).to_bytes(8, "little") + b"[]",
        (4).to_bytes(8, "little") + b"\xff\xfe\0\0", safetensors()[:-1], safetensors() + b"x",
        safetensors().replace(b'"shape": [100]', b'"shape": [101]', 1), safetensors().replace(b"[0, 200]", b"[8, 208]"),
        safetensors().replace(b'"shape": [100]', b'"shape": [-10]', 1), safetensors().replace(b'"F16"', b"12345", 1),
        safetensors().replace(b'"dtype"', b'"dtypo"', 1), safetensors().replace(b"[0, 200]", b"[0, 2e2]"),
    ],
)  # fmt: skip
def test_a_safetensors_file_that_is_not_sane_is_refused(tmp_path: Path, content: bytes) -> None:
    there = folder(tmp_path / "model", {**FOLDER, "model.safetensors": content})
    with pytest.raises(StepError, match=r"model.safetensors: "):
        fetch(at(there, "safetensors"), tmp_path / "store", silent)


def _until(done: Any, seconds: float = 10.0) -> None:
    end = time.monotonic() + seconds
    while not done():
        assert time.monotonic() < end, "it never came so far"
        time.sleep(0.01)
