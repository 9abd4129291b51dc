"""What a repository of the hub holds, which file is taken, and reading one in place."""

from __future__ import annotations

import io
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from llmdeploy.adapters.hub import HubFile, HubModel, choose_file, lookup, open_remote, resolve_revision
from llmdeploy.adapters.hub import remote as hub_http
from llmdeploy.errors import ExitCode, MissingError, StepError
from llmdeploy.secret import Secret
from tests.hub_server import HubServer

DEMO = Path(__file__).parents[2] / "src/llmdeploy/models/demo/llmdeploy-demo-Q8_0.gguf"
COMMIT = "a" * 40
REPO = "owner/tiny-GGUF"
FILES = {"README.md": b"# tiny", "tiny-Q8_0.gguf": DEMO.read_bytes(), "tiny-Q4_K_M.gguf": DEMO.read_bytes()[:999]}


@pytest.fixture(autouse=True)
def _short_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hub_http, "WAITS", (0.01, 0.01, 0.01, 0.01))


@pytest.fixture
def hub() -> Iterator[HubServer]:
    with HubServer() as server:
        server.add(REPO, COMMIT, FILES)
        yield server


def model(*names: str, size: int = 1000) -> HubModel:
    return HubModel(REPO, COMMIT, tuple(HubFile(name, size) for name in names))


def test_lookup_gives_commit_files_and_licence_in_one_request(hub: HubServer) -> None:
    found = lookup(REPO, "main", None, hub.url)

    assert (found.repository, found.revision, found.license, found.gated) == (REPO, COMMIT, "apache-2.0", False)
    assert {file.name: file.size for file in found.files} == {name: len(data) for name, data in FILES.items()}
    gguf, readme = found.file("tiny-Q8_0.gguf"), found.file("README.md")
    assert gguf is not None
    assert gguf.sha256 == "9ff94bc870bff010ef6d51db04f8d289d3fe53139e60dd6a5839cbce59cf61d0"
    assert readme is not None
    assert (readme.sha256, readme.blob_id) == ("", "aefa080a4cf985f23a8e6f121071abe8a7b50b35")
    assert len(hub.requests) == 1


def test_the_empty_revision_is_the_default_branch(hub: HubServer) -> None:
    assert lookup(REPO, "", None, hub.url).revision == COMMIT


def test_a_commit_hash_is_resolved_without_a_request(hub: HubServer) -> None:
    assert resolve_revision(REPO, "main", None, hub.url) == COMMIT
    asked = len(hub.requests)
    assert resolve_revision(REPO, COMMIT, None, hub.url) == COMMIT
    assert len(hub.requests) == asked


def test_the_token_is_sent_and_says_who_may_read(hub: HubServer) -> None:
    hub.add("owner/private", COMMIT, FILES, private=True)

    assert lookup("owner/private", "main", Secret("hf_right"), hub.url).revision == COMMIT
    with pytest.raises(MissingError) as caught:
        lookup("owner/private", "main", None, hub.url)
    assert caught.value.exit_code == ExitCode.MISSING
    assert "HF_TOKEN" in caught.value.hint


def test_an_unknown_repository_is_missing(hub: HubServer) -> None:
    with pytest.raises(MissingError, match="no model owner/nothing"):
        lookup("owner/nothing", "main", Secret("hf_right"), hub.url)


def test_an_unknown_revision_names_near_ones(hub: HubServer) -> None:
    hub.add(REPO, "b" * 40, FILES, branch="v1.0")
    with pytest.raises(MissingError, match=r"no revision v1\.1") as caught:
        lookup(REPO, "v1.1", None, hub.url)
    assert caught.value.hint == "did you mean v1.0?"


@pytest.mark.parametrize("name", ["", "../x", "a/b/c", "owner/na me", "owner/..", "http://x", "owner/a--b", "-x/y"])
def test_what_cannot_be_a_repository_is_refused_before_any_request(hub: HubServer, name: str) -> None:
    with pytest.raises(MissingError, match="not the name of a repository"):
        lookup(name, "main", None, hub.url)
    assert hub.requests == []


def test_no_network_says_so_with_a_hint() -> None:
    with HubServer() as gone:
        address = gone.url
    with pytest.raises(MissingError, match="cannot reach the model hub") as caught:
        lookup(REPO, "main", None, address)
    assert "path" in caught.value.hint


@pytest.mark.parametrize("address", ["not an address", "ftp://127.0.0.1", "http://"])
def test_an_endpoint_that_is_none_is_no_traceback(address: str) -> None:
    with pytest.raises(MissingError, match="cannot reach the model hub"):
        lookup(REPO, "main", None, address)


def test_a_busy_hub_is_asked_again(hub: HubServer) -> None:
    hub.faults.status = {"/api/": [429, 503]}
    assert lookup(REPO, "main", None, hub.url).revision == COMMIT
    assert len(hub.requests) == 3


def test_a_hub_that_stays_busy_is_given_up(hub: HubServer) -> None:
    hub.faults.status = {"/api/": [429] * 9}
    with pytest.raises(StepError, match="limits") as caught:
        lookup(REPO, "main", None, hub.url)
    assert "run again" in caught.value.hint
    assert len(hub.requests) == 5


def test_an_answer_that_is_no_hub_is_no_traceback(hub: HubServer, monkeypatch: pytest.MonkeyPatch) -> None:
    hub.faults.status = {"/api/": [200]}
    with pytest.raises(StepError, match="lacks"):
        lookup(REPO, "main", None, hub.url)


def test_offline_mode_is_honoured(hub: HubServer) -> None:
    code = f"from llmdeploy.adapters.hub import lookup; lookup({REPO!r}, 'main', None, {hub.url!r})"
    done = _python(code, HF_HUB_OFFLINE="1")
    assert "MissingError" in done.stderr
    assert "HF_HUB_OFFLINE forbids" in done.stderr
    assert hub.requests == []


def test_endpoint_and_token_come_from_the_environment_and_nothing_is_written_home(
    hub: HubServer, tmp_path: Path
) -> None:
    hub.add("owner/private", COMMIT, FILES, private=True)
    code = "from llmdeploy.adapters.hub import lookup; print(lookup('owner/private').revision)"
    done = _python(code, HF_ENDPOINT=hub.url, HF_TOKEN=hub.token, HOME=str(tmp_path))
    assert done.stdout.strip() == COMMIT, done.stderr
    assert list(tmp_path.rglob("*")) == []
    assert [request.path for request in hub.requests] == ["/api/models/owner/private/revision/main?blobs=true"]


def test_a_stored_login_is_used(hub: HubServer, tmp_path: Path) -> None:
    hub.add("owner/private", COMMIT, FILES, private=True)
    (tmp_path / "token").write_text(hub.token)
    code = "from llmdeploy.adapters.hub import lookup; print(lookup('owner/private').revision)"
    done = _python(code, HF_ENDPOINT=hub.url, HF_HOME=str(tmp_path))
    assert done.stdout.strip() == COMMIT, done.stderr


def test_importing_costs_no_huggingface_hub() -> None:
    done = _python(
        "import sys, llmdeploy.adapters.hub, llmdeploy.adapters.weights\n"
        "print(sorted({name.partition('.')[0] for name in sys.modules} & {'huggingface_hub', 'httpx2', 'filelock'}))"
    )
    assert done.stdout.strip() == "[]", done.stderr


def test_a_remote_file_is_read_by_parts(hub: HubServer) -> None:
    content = os.urandom(5_000_000)
    hub.add("owner/big", COMMIT, {"big.gguf": content})
    with open_remote("owner/big", COMMIT, "big.gguf", None, hub.url) as stream:
        assert stream.read(10) == content[:10]
        assert stream.seek(-7, io.SEEK_END) == len(content) - 7
        assert stream.read() == content[-7:]
        stream.seek(2_000_000)
        assert stream.read(200_000) == content[2_000_000:2_200_000]
        assert stream.tell() == 2_200_000
    assert all(request.headers["range"].startswith("bytes=") for request in hub.requests)


def test_the_header_of_a_remote_gguf_costs_one_request(hub: HubServer) -> None:
    from llmdeploy.sizing.gguf import read_gguf

    content = DEMO.read_bytes() + bytes(6_000_000)
    hub.add("owner/big", COMMIT, {"big.gguf": content})
    with open_remote("owner/big", COMMIT, "big.gguf", None, hub.url) as stream:
        header = read_gguf(stream, len(content))
    assert header.metadata["general.architecture"] == "llama"
    assert len(hub.requests) == 1
    assert hub.bytes_sent <= 2 * 1024 * 1024


def test_a_remote_file_that_is_not_there(hub: HubServer) -> None:
    with pytest.raises(MissingError, match=r"no file absent\.gguf"):
        open_remote(REPO, COMMIT, "absent.gguf", None, hub.url)


def test_a_server_without_ranges_is_refused_not_downloaded_whole(hub: HubServer) -> None:
    hub.faults.ignore_range = True
    with pytest.raises(StepError, match="parts of a file"):
        open_remote(REPO, COMMIT, "tiny-Q8_0.gguf", None, hub.url)


def test_the_token_stays_with_the_hub_when_files_lie_elsewhere() -> None:
    with HubServer() as cdn, HubServer(cdn=cdn) as hub:
        hub.add(REPO, COMMIT, FILES, private=True)
        with open_remote(REPO, COMMIT, "tiny-Q8_0.gguf", Secret(hub.token), hub.url) as stream:
            assert stream.read(4) == b"GGUF"
        assert all("authorization" in request.headers for request in hub.requests)
        assert cdn.requests
        assert not any("authorization" in request.headers for request in cdn.requests)


@pytest.mark.parametrize(
    ("names", "quantization", "chosen"),
    [
        (["m-Q8_0.gguf", "m-Q4_K_M.gguf", "m-F16.gguf"], "auto", "m-Q4_K_M.gguf"),
        (["m-Q8_0.gguf", "m-Q5_K_M.gguf", "m-Q4_0.gguf"], "auto", "m-Q5_K_M.gguf"),
        (["m.Q8_0.gguf", "m.Q4_K_M.gguf"], "q8_0", "m.Q8_0.gguf"),
        (["m-bf16.gguf", "m-f16.gguf"], "BF16", "m-bf16.gguf"),
        (["qwen2.5-0.5b-it-q4_k_m.gguf", "qwen2.5-0.5b-it-q2_k.gguf"], "auto", "qwen2.5-0.5b-it-q4_k_m.gguf"),
        (["Qwen3-UD-Q4_K_XL.gguf", "Qwen3-Q8_0.gguf"], "q4_k_xl", "Qwen3-UD-Q4_K_XL.gguf"),
        (["mmproj-model-Q8_0.gguf", "m-Q6_K.gguf"], "auto", "m-Q6_K.gguf"),
        (["only.gguf", "README.md"], "auto", "only.gguf"),
        (["x/m-BF16-00001-of-00002.gguf", "x/m-BF16-00002-of-00002.gguf"], "bf16", "x/m-BF16-00001-of-00002.gguf"),
    ],
)  # fmt: skip
def test_the_quantization_picks_the_file(names: list[str], quantization: str, chosen: str) -> None:
    assert choose_file(model(*names), quantization)[:2] == (chosen, "gguf")


def test_the_size_counts_every_part_of_a_split_file() -> None:
    parts = [f"m-Q4_K_M-0000{n}-of-00003.gguf" for n in (1, 2, 3)]
    assert choose_file(model(*parts, "m-Q8_0.gguf")) == (parts[0], "gguf", 3000)
    with pytest.raises(MissingError, match=r"m-Q4_K_M-00002-of-00003.gguf is not there"):
        choose_file(model(parts[0], parts[2]))


def test_safetensors_are_one_set_and_copies_are_left_out() -> None:
    parts = ["model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors"]
    there = model(*parts, "consolidated.safetensors", "config.json", "onnx/model.safetensors")
    assert choose_file(there) == ("", "safetensors", 2000)


def test_gguf_comes_first_unless_safetensors_are_asked_for() -> None:
    both = model("model.safetensors", "config.json", "m-Q8_0.gguf")
    assert choose_file(both)[1] == "gguf"
    assert choose_file(both, kind="safetensors") == ("", "safetensors", 1000)


@pytest.mark.parametrize(
    ("there", "arguments", "message", "hint"),
    [
        (["m-Q8_0.gguf", "m-Q6_K.gguf"], {"quantization": "q4_k_m"}, "no q4_k_m file", "q6_k, q8_0"),
        (["a-Q8_0.gguf", "b-Q8_0.gguf"], {}, "several files are q8_0", "file"),
        (["a.gguf", "b.gguf"], {}, "no quantization that is known", "a.gguf, b.gguf"),
        (["m-Q8_0.gguf"], {"file": "m-Q8_1.gguf"}, "no file m-Q8_1.gguf", "did you mean m-Q8_0.gguf?"),
        (["pytorch_model.bin"], {"file": "pytorch_model.bin"}, "is not safetensors or GGUF", "code"),
        (["model.bin", "modeling_x.py"], {}, "no safetensors or GGUF weights", "model.bin can hold code"),
        (["README.md"], {}, "no safetensors or GGUF weights", "there is README.md"),
        ([], {}, "no safetensors or GGUF weights", "there is nothing"),
        (["model.safetensors"], {"quantization": "q4_k_m"}, "holds safetensors only", "-GGUF"),
        (["model.safetensors"], {"kind": "gguf"}, "no GGUF weights", "model.safetensors"),
    ],
)  # fmt: skip
def test_what_cannot_be_chosen_lists_what_is_there(
    there: list[str], arguments: dict[str, str], message: str, hint: str
) -> None:
    with pytest.raises(MissingError) as caught:
        choose_file(model(*there), **arguments)  # type: ignore[arg-type]
    assert message in caught.value.message
    assert hint in caught.value.hint


def test_the_test_hub_speaks_to_huggingface_hub_itself(hub: HubServer, tmp_path: Path) -> None:
    code = f"""
from huggingface_hub import HfApi, hf_hub_download, snapshot_download
api = HfApi()
print(api.model_info({REPO!r}, files_metadata=True).siblings[1].lfs.size)
print([one.path for one in api.get_paths_info({REPO!r}, ["README.md"])])
print([ref.name for ref in api.list_repo_refs({REPO!r}).branches])
print(open(hf_hub_download({REPO!r}, "README.md")).read())
print(sorted(p.name for p in __import__("pathlib").Path(snapshot_download({REPO!r})).iterdir()))
"""
    done = _python(code, HF_ENDPOINT=hub.url, HF_HOME=str(tmp_path), HF_HUB_DISABLE_TELEMETRY="1")
    assert done.stdout.splitlines() == [
        str(len(FILES["tiny-Q8_0.gguf"])), "['README.md']", "['main']", "# tiny", str(sorted(FILES)),
    ], done.stderr  # fmt: skip


def _python(code: str, **variables: str) -> subprocess.CompletedProcess[str]:
    kept = {name: os.environ[name] for name in ("PATH", "PYTHONPATH") if name in os.environ}
    environment = {**kept, "HOME": "/nonexistent", **variables}
    return subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, timeout=30, check=False
    )
