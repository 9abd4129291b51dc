"""The store of a host: what comes in, from where, what is refused, what goes.

curl is a function here that copies from a peer's folder, in parts if need be; tests on hosts use the real one.
"""

from __future__ import annotations

import grp
import hashlib
import importlib
import json
import os
from pathlib import Path
from typing import Any

import pytest

DIGEST = "ab12"
CONTENT = {"model.gguf": b"weights" * 1000, "tokenizer/vocab.json": b"{}"}


def artifact_module() -> Any:
    return importlib.import_module("ansible_collections.llmdeploy.host.plugins.modules.artifact")


def artifact(digest: str = DIGEST, content: dict[str, bytes] | None = None) -> dict[str, Any]:
    files = CONTENT if content is None else content
    return {
        "digest": digest,
        "files": [
            {"name": name, "sha256": hashlib.sha256(data).hexdigest(), "bytes": len(data)}
            for name, data in files.items()
        ],
    }


def put(folder: Path, content: dict[str, bytes]) -> None:
    for name, data in content.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(data)


class Peers:
    """`most` bytes a request are sent before the line breaks; `have` maps an address to the peer's folder."""

    def __init__(self, have: dict[str, Path], most: int = 10**9) -> None:
        self.have, self.most, self.asked = have, most, list[str]()

    def __call__(self, command: list[str]) -> tuple[int, str, str]:
        url, target = command[-1], Path(command[command.index("--output") + 1])
        self.asked.append(url)
        peer, _, path = url.removeprefix("https://").partition(":")
        source = self.have[peer] / path.partition("/")[2]
        if not source.exists():
            return 22, "", "curl: (22) The requested URL returned error: 404"
        done = target.stat().st_size if target.exists() else 0
        data = source.read_bytes()[done : done + self.most]
        with target.open("ab") as file:
            file.write(data)
        whole = target.stat().st_size == source.stat().st_size
        return (0, "", "") if whole else (18, "", "curl: (18) transfer closed with bytes remaining")


class Host:
    def __init__(self, folder: Path) -> None:
        self.store, self.incoming = folder / "store", folder / "incoming"
        self.warnings: list[str] = []

    def run(self, *artifacts: dict[str, Any], curl: Any = None, check_mode: bool = False, **more: Any) -> Any:
        parameters = {
            "deployment": "demo", "artifacts": list(artifacts), "keep": [], "store": str(self.store),
            "incoming": str(self.incoming), "peers": [], "port": 8470, "ca": "/ca.pem", "certificate": "/node.pem",
            "seconds": 5, "verify": False, "group": grp.getgrgid(os.getgid()).gr_name,
        }  # fmt: skip
        return artifact_module().run({**parameters, **more}, check_mode, self.warnings.append, curl)

    def has(self, digest: str = DIGEST) -> bool:
        return (self.store / digest).is_dir()


@pytest.fixture
def host(tmp_path: Path) -> Host:
    return Host(tmp_path)


def test_an_upload_is_adopted_once(host: Host) -> None:
    put(host.incoming / DIGEST, CONTENT)
    assert host.run(artifact())["brought"] == {DIGEST: ["incoming"]}
    assert (host.store / DIGEST / "model.gguf").read_bytes() == CONTENT["model.gguf"]
    assert (host.store / DIGEST / "model.gguf").stat().st_mode & 0o777 == 0o640
    assert not (host.incoming / DIGEST).exists()
    assert host.run(artifact())["changed"] is False


def test_check_mode_says_it_and_touches_nothing(host: Host) -> None:
    put(host.incoming / DIGEST, CONTENT)
    assert host.run(artifact(), check_mode=True)["changed"] is True
    assert not host.store.exists()


def test_a_wrong_upload_is_an_error_and_goes(host: Host) -> None:
    wrong = b"x" * len(CONTENT["model.gguf"])
    put(host.incoming / DIGEST, {**CONTENT, "model.gguf": wrong})
    with pytest.raises(artifact_module().RefusedError, match=r"model\.gguf in .* has another sha256"):
        host.run(artifact())
    assert not (host.incoming / DIGEST / "model.gguf").exists()
    assert not host.has()


def test_a_part_of_an_upload_is_left_to_be_gone_on_with(host: Host) -> None:
    put(host.incoming / DIGEST, {"model.gguf": b"weights"})
    with pytest.raises(artifact_module().RefusedError, match="neither uploaded"):
        host.run(artifact())
    assert (host.incoming / DIGEST / "model.gguf").read_bytes() == b"weights"


def test_a_link_in_the_upload_is_refused(host: Host, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").write_bytes(CONTENT["model.gguf"])
    put(host.incoming / DIGEST, {"tokenizer/vocab.json": b"{}"})
    (host.incoming / DIGEST / "model.gguf").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(artifact_module().RefusedError, match="not a plain file"):
        host.run(artifact())


def test_the_peer_that_has_it_gives_it(host: Host, tmp_path: Path) -> None:
    put(tmp_path / "two" / DIGEST, CONTENT)
    peers = Peers({"one": tmp_path / "one", "two": tmp_path / "two"})
    found = host.run(artifact(), curl=peers, peers=["one", "two"])
    assert found["brought"] == {DIGEST: ["two"]}
    assert found["fetched_bytes"] == sum(map(len, CONTENT.values()))


def test_a_broken_transfer_goes_on_where_it_ended(host: Host, tmp_path: Path) -> None:
    put(tmp_path / "one" / DIGEST, CONTENT)
    found = host.run(artifact(), curl=Peers({"one": tmp_path / "one"}, most=3000), peers=["one"])
    assert found["fetched_bytes"] == sum(map(len, CONTENT.values()))


def test_a_part_from_an_earlier_run_is_gone_on_with(host: Host, tmp_path: Path) -> None:
    put(tmp_path / "one" / DIGEST, CONTENT)
    put(host.store / ".partial" / DIGEST, {"model.gguf": CONTENT["model.gguf"][:5000]})
    found = host.run(artifact(), curl=Peers({"one": tmp_path / "one"}), peers=["one"])
    assert found["fetched_bytes"] == sum(map(len, CONTENT.values())) - 5000


def test_a_peer_with_other_content_is_told_of_and_the_next_asked(host: Host, tmp_path: Path) -> None:
    put(tmp_path / "bad" / DIGEST, {name: b"y" * len(data) for name, data in CONTENT.items()})
    put(tmp_path / "good" / DIGEST, CONTENT)
    peers = Peers({"bad": tmp_path / "bad", "good": tmp_path / "good"})
    assert "good" in host.run(artifact(), curl=peers, peers=["bad", "good"])["brought"][DIGEST]
    assert all("from bad has another sha256" in warning for warning in host.warnings)


def test_what_no_peer_gives_is_an_error_that_says_what_each_said(host: Host, tmp_path: Path) -> None:
    with pytest.raises(artifact_module().RefusedError, match=r"no peer gave it \(one: .*404\)"):
        host.run(artifact(), curl=Peers({"one": tmp_path}), peers=["one"], seconds=0)
    assert not host.has()


@pytest.mark.parametrize("verify", [False, True])
def test_a_damaged_file_alone_comes_again(host: Host, tmp_path: Path, verify: bool) -> None:
    put(tmp_path / "one" / DIGEST, CONTENT)
    peers = Peers({"one": tmp_path / "one"})
    host.run(artifact(), curl=peers, peers=["one"])
    peers.asked.clear()
    path = host.store / DIGEST / "tokenizer" / "vocab.json"
    before = path.stat()
    path.write_bytes(b"[]")
    if verify:  # no trace but the content
        os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
        assert host.run(artifact(), curl=peers, peers=["one"])["changed"] is False
    assert host.run(artifact(), curl=peers, peers=["one"], verify=verify)["changed"] is True
    assert peers.asked == [f"https://one:8470/{DIGEST}/tokenizer/vocab.json"]
    assert path.read_bytes() == b"{}"


def test_old_artifacts_go_and_those_of_others_stay(host: Host) -> None:
    for digest in ("0001", "0002", "0003", "0004"):
        put(host.store / digest, {"x": b"1"})
    (host.store / ".wanted").mkdir()
    (host.store / ".wanted" / "other").write_text(json.dumps(["0002"]))
    put(host.store / ".partial" / "0009", {"x": b"1"})
    put(host.incoming / DIGEST, CONTENT)
    found = host.run(artifact(), keep=["0003"])
    assert found["pruned"] == ["0001", "0004"]
    assert sorted(path.name for path in host.store.iterdir() if path.name[0] != ".") == ["0002", "0003", DIGEST]
    assert not (host.store / ".partial" / "0009").exists()


@pytest.mark.parametrize("name", ["../x", "/etc/x", "a/../x", ".verified", "a//b", ""])
def test_a_name_that_leads_out_is_refused(host: Host, name: str) -> None:
    with pytest.raises(artifact_module().RefusedError, match="is no name of a file"):
        host.run(artifact(content={name: b"x"}))
