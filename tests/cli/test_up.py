"""The main job: a person types `llmdeploy up`."""

from __future__ import annotations

import os
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from tests.command import Result, deployed, llmdeploy

STEPS = ["prepare", "setup", "deploy", "test", "monitor"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("main job")  # with a space in its name


@pytest.fixture(scope="module")
def up(folder: Path) -> Iterator[Result]:
    with deployed(folder) as result:
        yield result


def test_up_ends_well_and_says_how_to_use_it(up: Result) -> None:
    assert up.exit_code == 0, up.stderr
    assert "demo is up: http://127.0.0.1:" in up.stdout
    for step in STEPS:
        assert f"\n{step}\n" in "\n" + up.stderr


def test_answered_requests_leave_no_line_in_the_engines_log(up: Result, folder: Path) -> None:
    """Each line would wake the supervisor at the moment that the first token is computed."""
    log = (folder / ".llmdeploy/demo/logs/engine.log").read_text()
    refused = "exceeds the available context size"  # the smoke gate asks too much on purpose
    assert [line for line in log.splitlines() if not line.startswith("listening on ") and refused not in line] == []


def test_the_printed_curl_line_works(up: Result, folder: Path) -> None:
    lines = up.stdout.splitlines()
    first = next(number for number, line in enumerate(lines) if line.startswith("curl "))
    ran = subprocess.run(
        ["bash", "-c", "\n".join(lines[first : first + 2])], cwd=folder, capture_output=True, text=True
    )
    assert "The capital of France is Paris." in ran.stdout, ran.stderr


def test_the_printed_python_snippet_works(up: Result, folder: Path) -> None:
    lines = up.stdout.splitlines()
    first = lines.index("from openai import OpenAI")
    snippet = "\n".join(lines[first : lines.index("", first)])
    ran = subprocess.run([sys.executable, "-c", snippet], cwd=folder, capture_output=True, text=True)
    assert ran.stdout.strip() == "The capital of France is Paris.", ran.stderr


def test_second_up_changes_nothing_and_says_so(up: Result, folder: Path) -> None:
    again = llmdeploy("up", "-y", "--json", cwd=folder).json
    assert again["ok"]
    assert [report["step"] for report in again["reports"]] == STEPS
    assert not any(report["changed"] for report in again["reports"]), again["reports"]


def test_the_next_commands_are_shown_as_the_user_types_them(up: Result, folder: Path) -> None:
    assert "next    llmdeploy chat" in up.stdout
    again = llmdeploy("up", "-y", cwd=folder, variables={"LLMDEPLOY_COMMAND": "scripts/llmdeploy"})
    assert "next    scripts/llmdeploy chat" in again.stdout


def test_status_names_address_key_file_health_and_plan(up: Result, folder: Path) -> None:
    status = llmdeploy("status", "--json", cwd=folder)
    assert status.exit_code == 0
    assert status.json["healthy"]
    assert status.json["plan"] == status.json["deployed"]
    assert stat.S_IMODE(Path(status.json["endpoint"]["key_file"]).stat().st_mode) == 0o600


def test_chat_answers_once(up: Result, folder: Path) -> None:
    assert llmdeploy("chat", "What is the capital of France?", cwd=folder).stdout == "The capital of France is Paris.\n"


def test_chat_keeps_the_conversation_on_a_pipe(up: Result, folder: Path) -> None:
    result = llmdeploy("chat", cwd=folder, stdin="7*8\nWhat is the capital of Japan?\n")
    assert result.stdout == "7 * 8 = 56.\nThe capital of Japan is Tokyo.\n"


def test_logs_show_what_the_engine_wrote(up: Result, folder: Path) -> None:
    assert "listening on" in llmdeploy("logs", "-n", "1000", cwd=folder).stdout


def test_the_key_is_in_no_process_list_log_plan_report_or_journal(up: Result, folder: Path) -> None:
    state = folder / ".llmdeploy" / "demo"
    key = (state / "key").read_text().strip()
    assert len(key) > 40
    for process in psutil.process_iter(["cmdline"]):
        assert key not in " ".join(process.info["cmdline"] or [])
    holders = {path.name for path in state.rglob("*") if path.is_file() and key.encode() in path.read_bytes()}
    assert holders == {"key", "key.header"}
    assert key not in up.stdout + up.stderr


def test_nothing_in_the_state_folder_is_for_others(up: Result, folder: Path) -> None:
    state = folder / ".llmdeploy" / "demo"
    assert stat.S_IMODE(state.stat().st_mode) == 0o700


def test_a_test_run_writes_json_junit_and_html(up: Result, folder: Path) -> None:
    result = llmdeploy("test", "--json", cwd=folder)
    assert result.exit_code == 0, result.stderr
    results = Path(result.json["results"])
    assert {path.name for path in results.iterdir()} >= {"results.json", "junit.xml", "report.html"}


def test_a_killed_engine_answers_again_within_three_seconds_and_the_gap_is_seen(up: Result, folder: Path) -> None:
    pid = llmdeploy("status", "--json", cwd=folder).json["pid"]
    time.sleep(1.2)  # the prober has seen it alive
    os.kill(pid, signal.SIGKILL)
    killed = time.monotonic()
    while llmdeploy("chat", "ping", cwd=folder).exit_code != 0:
        assert time.monotonic() - killed < 3.0
    assert llmdeploy("status", "--json", cwd=folder).json["pid"] != pid
    deadline = time.monotonic() + 10
    while "restart" not in llmdeploy("monitor", cwd=folder).stdout:
        assert time.monotonic() < deadline, llmdeploy("monitor", cwd=folder).stdout
        time.sleep(0.5)


def test_monitor_shows_health_and_answers(up: Result, folder: Path) -> None:
    deadline = time.monotonic() + 5  # after the kill above, the prober looks again within a second
    while (snapshot := llmdeploy("monitor", "--json", cwd=folder)).exit_code and time.monotonic() < deadline:
        time.sleep(0.5)
    assert snapshot.exit_code == 0, snapshot.stdout
    assert snapshot.json["healthy"]


def test_down_leaves_no_process_and_no_port(folder: Path, up: Result) -> None:
    state = str(folder / ".llmdeploy" / "demo")
    result = llmdeploy("down", cwd=folder)
    assert result.exit_code == 0, result.stderr
    left = [process.info["cmdline"] for process in psutil.process_iter(["cmdline"])]
    assert not [line for line in left if line and any(state in part for part in line)]
    assert llmdeploy("status", cwd=folder).exit_code == 6
    assert llmdeploy("down", cwd=folder).exit_code == 0  # a second time
