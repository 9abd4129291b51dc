"""Playbooks through ansible-runner: what is known afterwards, and what is left of a run."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from llmdeploy.adapters.ansible import Outcome
from llmdeploy.errors import StepError

from .ansible_runs import run


def test_changes_are_told_by_host_and_task_with_their_difference(tmp_path: Path) -> None:
    tasks = f"""
- name: Write a file
  ansible.builtin.copy: {{content: "new\\n", dest: "{tmp_path}/file", mode: "0600"}}
"""
    (tmp_path / "file").write_text("old\n")
    (tmp_path / "file").chmod(0o600)
    first, second = run(tmp_path, tasks), run(tmp_path, tasks)
    (change,) = first.changes
    assert (change.host, change.task) == ("one", "Write a file")
    assert "-old" in change.diff
    assert "+new" in change.diff
    assert (first.changed, second.changed, second.changes) == (1, 0, [])
    assert second.hosts["one"].ok == 1


def test_check_mode_tells_what_would_change_and_changes_nothing(tmp_path: Path) -> None:
    tasks = f'- ansible.builtin.copy: {{content: "new", dest: "{tmp_path}/file", mode: "0600"}}'
    assert run(tmp_path, tasks, check=True).changed == 1
    assert not (tmp_path / "file").exists()


@pytest.mark.parametrize("strategy", ["linear", "mitogen_linear"])
def test_a_failed_task_is_told_with_its_host_and_reason(tmp_path: Path, strategy: str) -> None:
    tasks = """
- name: Refuse host two
  ansible.builtin.fail: {msg: the disk is full}
  when: inventory_hostname == "two"
- name: Go on
  ansible.builtin.debug: {msg: here}
"""
    found = run(tmp_path, tasks, "one", "two", strategy=strategy)
    (fault,) = found.faults
    assert (fault.host, fault.task, fault.message, fault.unreachable) == (
        "two",
        "Refuse host two",
        "the disk is full",
        False,
    )
    assert (found.hosts["one"].ok, found.hosts["two"].failed, found.exit_code) == (1, 1, 2)


def test_what_a_program_said_is_the_reason(tmp_path: Path) -> None:
    (fault,) = run(tmp_path, "- ansible.builtin.command: ls /nowhere-at-all").faults
    assert "/nowhere-at-all" in fault.message
    assert "No such file" in fault.message


def test_the_item_of_a_loop_that_failed_is_the_reason(tmp_path: Path) -> None:
    tasks = """
- name: Try each
  ansible.builtin.command: "ls {{ item }}"
  loop: [/, /nowhere-at-all, /tmp]
  changed_when: false
"""
    (fault,) = run(tmp_path, tasks).faults
    assert "/nowhere-at-all" in fault.message


def test_failures_that_a_playbook_expects_are_none(tmp_path: Path) -> None:
    tasks = """
- name: May fail
  ansible.builtin.command: "false"
  ignore_errors: true
- name: Is tried
  block:
    - name: Fails and is mended
      ansible.builtin.command: "false"
  rescue:
    - name: Mend
      ansible.builtin.debug: {msg: mended}
"""
    found = run(tmp_path, tasks)
    assert found.exit_code == 0
    assert found.faults == []


def test_a_host_that_cannot_be_reached_is_told_as_such(tmp_path: Path) -> None:
    away = {"ansible_host": "127.0.0.1", "ansible_port": 9, "ansible_user": "nobody"}
    inventory = {"all": {"hosts": {"off": away}}}
    found = run(tmp_path, "- ansible.builtin.ping:", inventory=inventory, strategy="linear")
    (fault,) = found.faults
    assert fault.unreachable
    assert "Connection refused" in fault.message
    assert found.hosts["off"].unreachable == 1


def test_a_silent_task_keeps_its_secret(tmp_path: Path) -> None:
    tasks = """
- name: Use a secret
  ansible.builtin.command: "ls /planted-secret"
  no_log: true
"""
    (fault,) = run(tmp_path, tasks).faults
    assert "planted-secret" not in fault.message
    assert "no_log" in fault.message
    assert not holding(tmp_path / "private" / "artifacts", b"planted-secret")


def test_an_inventory_or_playbook_that_ansible_refuses_is_one_error_with_its_reason(tmp_path: Path) -> None:
    with pytest.raises(StepError, match="ansible ended with exit") as caught:
        run(tmp_path, "- ansible.builtin.nonsense: {}")
    assert "nonsense" in caught.value.message
    assert "artifacts" in caught.value.hint


def test_results_of_our_own_modules_are_kept() -> None:
    outcome = Outcome()
    data = {"host": "one", "task_action": "llmdeploy.host.receipt", "res": {"changed": False, "left": ["/etc/a"]}}
    outcome.see({"event": "runner_on_ok", "event_data": data})
    assert outcome.kept == {"one": {"receipt": {"changed": False, "left": ["/etc/a"]}}}


def test_only_the_hosts_asked_for_are_touched(tmp_path: Path) -> None:
    assert list(run(tmp_path, "- ansible.builtin.ping:", "one", "two", limit=("two",)).hosts) == ["two"]


def holding(folder: Path, text: bytes) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file() and text in path.read_bytes()]


SECRETS = {"HF_TOKEN": "planted-token", "AWS_SECRET_ACCESS_KEY": "planted-key", "ANSIBLE_PLANTED": "planted-x"}


def test_nothing_of_our_environment_is_given_to_it_or_written_down(tmp_path: Path) -> None:
    tasks = """
- name: Look at the environment
  ansible.builtin.command: env
  changed_when: false
"""
    found = run(tmp_path, tasks, world={**SECRETS, "LLMDEPLOY_PLANTED": "planted-y"})
    assert found.exit_code == 0
    artifacts = tmp_path / "private" / "artifacts"
    assert holding(artifacts, b"PATH=")
    assert not holding(tmp_path / "private", b"planted")


def test_what_a_run_leaves_is_private(tmp_path: Path) -> None:
    run(tmp_path, "- ansible.builtin.ping:", variables={"batch": 1})
    folder = tmp_path / "private"
    assert folder.stat().st_mode & 0o077 == 0
    inventory = folder / "inventory" / "hosts.json"
    assert inventory.stat().st_mode & 0o777 == 0o600


PARENT = """
import sys
from pathlib import Path
from tests.adapters.ansible_runs import run
print("begun", flush=True)
run(Path(sys.argv[1]), sys.argv[2])
"""
LONG = """
- name: Take long
  ansible.builtin.command: sleep 321.{0}
"""


def processes(word: str) -> list[int]:
    found = []
    for entry in Path("/proc").iterdir():
        try:
            if entry.name.isdigit() and word in (entry / "cmdline").read_bytes().decode(errors="replace"):
                found.append(int(entry.name))
        except OSError:
            continue
    return found


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM])
def test_a_playbook_ends_with_the_llmdeploy_that_began_it(tmp_path: Path, how: signal.Signals) -> None:
    folder = str(tmp_path)
    root = Path(__file__).parents[2]
    parent = subprocess.Popen(
        [sys.executable, "-c", PARENT, folder, LONG.format(os.getpid())],
        cwd=root, env={**os.environ, "PYTHONPATH": f"{root}:{root}/src"},
    )  # fmt: skip
    task = f"sleep\x00321.{os.getpid()}"
    try:
        deadline = time.monotonic() + 60
        while not processes(task) and time.monotonic() < deadline:
            time.sleep(0.1)
        assert processes(task), "the task never began"
    finally:
        parent.send_signal(how)
        parent.wait()
    deadline = time.monotonic() + 15
    while processes(folder) and time.monotonic() < deadline:
        time.sleep(0.1)
    left = processes(folder)
    for number in processes(task):  # what a host was asked to do is the host's
        os.kill(number, signal.SIGTERM)
    assert left == []
