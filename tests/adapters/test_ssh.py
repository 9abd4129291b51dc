"""Scripts on many hosts, and files to one, over a real SSH server on loopback."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from llmdeploy.adapters.ssh import run_everywhere, scripts, upload
from llmdeploy.adapters.ssh.reach import Reach
from llmdeploy.errors import StepError
from tests.command import free_port

from .sshd import reach, sshd

SCRIPT = "import os, sys; print(os.getuid(), sys.argv[1:])"
LOCAL = Reach("here", "", local=True)


@pytest.fixture
def box(tmp_path: Path) -> Iterator[Reach]:
    (tmp_path / "server").mkdir()
    with sshd(tmp_path / "server") as found:
        yield found


def problem(host: Reach, script: str = SCRIPT) -> str:
    return run_everywhere([host], script, "demo")[host.name].problem


def without(folder: Path, *missing: str) -> str:
    """A PATH with the programs that the start of a script uses, but for these."""
    place = folder / "bin"
    place.mkdir()
    for name in {"sh", "id", "sudo", "python3"} - set(missing):
        target = sys.executable if name == "python3" else f"/bin/{name}" if Path(f"/bin/{name}").exists() else ""
        if target:
            (place / name).symlink_to(target)
    return str(place)


def test_a_script_runs_with_the_name_and_the_port_of_the_server(box: Reach) -> None:
    seen: list[int] = []
    answer = run_everywhere([box], SCRIPT, "demo", seen.append)["box"]
    port = box.options[-1]
    assert (answer.problem, answer.output.split()[1:]) == ("", ["['demo',", f"'{port}']"])
    assert answer.asked <= answer.answered <= time.time()
    assert seen == [1]


def test_many_hosts_are_asked_at_once(box: Reach) -> None:
    hosts = [replace(box, name=f"host{number}") for number in range(8)]
    begun = time.monotonic()
    answers = run_everywhere(hosts, "import time; time.sleep(1)", "demo")
    assert [one.problem for one in answers.values()] == [""] * 8
    assert time.monotonic() - begun < 8


def test_a_host_that_refuses_the_connection_says_so() -> None:
    nobody = Reach("box", "127.0.0.1", ("-F", "none", "-p", str(free_port())))
    assert "Connection refused" in problem(nobody)


def test_a_name_that_nobody_knows_says_so() -> None:
    assert "Could not resolve hostname" in problem(Reach("box", "nowhere.invalid", ("-F", "none")))


def test_a_client_that_is_missing_says_so() -> None:
    assert problem(replace(LOCAL, local=False, executable="/nowhere/ssh")) == (
        "/nowhere/ssh cannot be run: No such file or directory"
    )


def test_another_host_key_is_refused(box: Reach, tmp_path: Path) -> None:
    folder, port = tmp_path / "server", int(box.options[-1])
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", folder / "other"], check=True)
    (folder / "wrong").write_text(f"[127.0.0.1]:{port} {(folder / 'other.pub').read_text()}")
    assert problem(reach(folder, port, "wrong")) == "SSH: Host key verification failed."


def test_an_unknown_host_key_is_refused_without_a_question(box: Reach, tmp_path: Path) -> None:
    (tmp_path / "server/none").write_text("")
    assert "Host key verification failed" in problem(reach(tmp_path / "server", int(box.options[-1]), "none"))


def test_a_login_that_is_refused_says_so(box: Reach, tmp_path: Path) -> None:
    (tmp_path / "server/login.pub").write_text("")
    assert "Permission denied" in problem(box)


def test_a_banner_does_no_harm(tmp_path: Path) -> None:
    (tmp_path / "server").mkdir()
    (tmp_path / "banner").write_text("** Authorised use only **\nAll is logged.\n")
    with sshd(tmp_path / "server", f"Banner {tmp_path}/banner") as box:
        answer = run_everywhere([box], "print(1)", "demo")["box"]
        assert (answer.output, answer.problem) == ("1\n", "")
        (tmp_path / "server/login.pub").write_text("")
        assert "Permission denied" in problem(box)


def test_a_script_that_fails_tells_its_last_line() -> None:
    assert problem(LOCAL, "raise OSError('no /proc here')") == "OSError: no /proc here"
    assert problem(LOCAL, "raise SystemExit(7)") == "exit 7"


def test_a_host_without_python_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", without(tmp_path, "python3"))
    assert problem(LOCAL) == "there is no python3"


def test_a_user_who_may_not_become_root_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    place = without(tmp_path, "sudo", "id")
    for name, text in (("id", "echo 1000"), ("sudo", "exit 1")):
        (Path(place) / name).unlink(missing_ok=True)
        (Path(place) / name).write_text(f"#!/bin/sh\n{text}\n")
        (Path(place) / name).chmod(0o755)
    monkeypatch.setenv("PATH", place)
    assert problem(LOCAL) == "this user may not use sudo without a password"


def test_a_host_that_does_not_answer_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scripts, "DEADLINE_SECONDS", 1.0)
    assert problem(LOCAL, "import time; time.sleep(30)") == "no answer within 1 s"


def test_an_interruption_ends_at_once_with_every_process() -> None:
    def stop(done: int) -> None:
        raise KeyboardInterrupt

    slow = "import time; time.sleep(30)"
    quick = replace(LOCAL, name="quick", local=False, executable="/bin/true")
    hosts = [quick, *(replace(LOCAL, name=f"host{number}") for number in range(100))]
    begun = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        run_everywhere(hosts, slow, "demo", stop)
    assert time.monotonic() - begun < 15
    left = subprocess.run(["pgrep", "-P", str(os.getpid())], capture_output=True, text=True).stdout.split()
    assert len(left) <= 1, "pgrep itself at the most"


def files(folder: Path, **contents: bytes) -> list[tuple[Path, str]]:
    folder.mkdir(exist_ok=True)
    for name, content in contents.items():
        (folder / name).write_bytes(content)
    return [(folder / name, name) for name in contents]


def test_files_are_sent_once(box: Reach, tmp_path: Path) -> None:
    sending = files(tmp_path / "here", **{"a.gguf": b"a" * 300_000, "b c.json": b"{}"})
    there = tmp_path / "there" / "deep"
    seen: list[int] = []
    assert upload(box, sending, str(there), seen.append) == 300_002
    assert [(there / name).read_bytes() for _, name in sending] == [b"a" * 300_000, b"{}"]
    assert seen[-1] == 300_002
    assert upload(box, sending, str(there)) == 0


def test_an_upload_goes_on_where_it_was_cut_off(box: Reach, tmp_path: Path) -> None:
    content = os.urandom(500_000)
    sending = files(tmp_path / "here", model=content)
    there = tmp_path / "there"
    there.mkdir()
    (there / "model").write_bytes(content[:200_000])
    assert upload(box, sending, str(there)) == 300_000
    assert (there / "model").read_bytes() == content


def test_a_file_that_is_too_long_there_is_sent_anew(box: Reach, tmp_path: Path) -> None:
    sending = files(tmp_path / "here", model=b"short")
    there = tmp_path / "there"
    there.mkdir()
    (there / "model").write_bytes(b"something longer")
    assert upload(box, sending, str(there)) == 5
    assert (there / "model").read_bytes() == b"short"


def test_files_in_folders_are_sent_too(box: Reach, tmp_path: Path) -> None:
    (path, _), = files(tmp_path / "here", pooling=b"{}")  # fmt: skip
    for _ in range(2):
        sent = upload(box, [(path, "1_Pooling/config.json"), (path, "config.json")], str(tmp_path / "there"))
    assert sent == 0
    assert (tmp_path / "there/1_Pooling/config.json").read_bytes() == b"{}"


def test_this_machine_needs_no_server(tmp_path: Path) -> None:
    sending = files(tmp_path / "here", model=b"12345")
    assert upload(LOCAL, sending, str(tmp_path / "there")) == 5
    assert (tmp_path / "there/model").read_bytes() == b"12345"
    assert upload(LOCAL, sending, str(tmp_path / "there")) == 0


def test_an_upload_that_fails_tells_sftps_words(box: Reach, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(StepError, match="box: the upload failed") as caught:
        upload(box, files(tmp_path / "here", model=b"1"), str(tmp_path / "file" / "there"))
    assert "goes on where it was cut off" in caught.value.hint


def test_an_upload_to_a_host_that_is_off_tells_so(tmp_path: Path) -> None:
    nobody = Reach("box", "127.0.0.1", ("-F", "none", "-l", "x", "-p", str(free_port())))
    with pytest.raises(StepError, match="box: the upload failed"):
        upload(nobody, files(tmp_path / "here", model=b"1"), "/var/tmp/x")


def test_an_own_client_is_used_for_files_too() -> None:
    command = Reach("box", "10.0.0.1", executable="/opt/ssh").sftp("batch")
    assert command[command.index("-S") + 1] == "/opt/ssh"


def test_options_of_ssh_are_put_into_sftps_words() -> None:
    options = ("-F", "config", "-l", "ops", "-p", "2222", "-i", "key", "-o", "ProxyJump=a")
    command = " ".join(Reach("box", "10.0.0.1", options).sftp("batch"))
    assert command.endswith("-F config -o User=ops -P 2222 -i key -o ProxyJump=a -b batch -- 10.0.0.1")


def test_a_cut_upload_leaves_no_process(box: Reach, tmp_path: Path) -> None:
    def stop(done: int) -> None:
        raise KeyboardInterrupt

    sending = files(tmp_path / "here", model=os.urandom(200_000_000))
    with pytest.raises(KeyboardInterrupt):
        upload(box, sending, str(tmp_path / "there"), stop)
    mine = subprocess.run(["pgrep", "-P", str(os.getpid()), "sftp"], capture_output=True, text=True)
    assert mine.stdout == ""
