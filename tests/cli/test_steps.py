"""The five steps one by one, as a pipeline takes them, and what each says when it comes too early."""

from __future__ import annotations

import json
from pathlib import Path

from tests.command import SHORT, free_port, llmdeploy
from tests.web.served import asked, monitored


def test_each_step_is_a_verb_and_acts_on_the_saved_plan(tmp_path: Path) -> None:
    (tmp_path / "llmdeploy.yaml").write_text(SHORT.format(name="steps", port=free_port()))
    try:
        planned = llmdeploy("prepare", "--json", cwd=tmp_path).json["plan"]["digest"]
        assert llmdeploy("chat", "ping", cwd=tmp_path).exit_code == 4
        assert llmdeploy("test", cwd=tmp_path).exit_code == 4
        for verb in ("setup", "deploy", "test"):
            done = llmdeploy(verb, "--json", cwd=tmp_path)
            assert done.exit_code == 0, done.stdout
            assert done.json["reports"][0]["step"] == verb
            assert done.json["reports"][0]["data"]["plan"] == planned
        assert llmdeploy("status", "--json", cwd=tmp_path).json["prober"] == "absent"
        assert llmdeploy("monitor", cwd=tmp_path).exit_code == 0
        assert llmdeploy("status", "--json", cwd=tmp_path).json["prober"] in ("starting", "running")
        with monitored(tmp_path, "steps") as port:
            page = json.loads(asked(port, "/data.json")[2])
        assert (page["deployment"]["plan"], page["engines"]) == (planned, [])
        again = llmdeploy("up", "-y", "--json", cwd=tmp_path).json
        assert not any(report["changed"] for report in again["reports"])
    finally:
        assert llmdeploy("down", cwd=tmp_path).exit_code == 0


def test_a_new_plan_waits_until_up_and_the_old_one_goes_on_answering(tmp_path: Path) -> None:
    first, second = free_port(), free_port()
    (tmp_path / "llmdeploy.yaml").write_text(SHORT.format(name="steps", port=first))
    try:
        assert llmdeploy("up", "-y", cwd=tmp_path).exit_code == 0
        (tmp_path / "llmdeploy.yaml").write_text(SHORT.format(name="steps", port=second))
        assert llmdeploy("prepare", cwd=tmp_path).exit_code == 0
        status = llmdeploy("status", "--json", cwd=tmp_path).json
        assert status["healthy"]
        assert status["deployed"] != status["plan"]
        assert str(first) in status["endpoint"]["url"]
        assert "waiting" in llmdeploy("status", cwd=tmp_path).stdout
        assert llmdeploy("chat", "7*8", cwd=tmp_path).stdout == "7 * 8 = 56.\n"
        assert llmdeploy("up", "-y", cwd=tmp_path).exit_code == 0
        assert str(second) in llmdeploy("status", "--json", cwd=tmp_path).json["endpoint"]["url"]
    finally:
        assert llmdeploy("down", cwd=tmp_path).exit_code == 0


def test_a_damaged_plan_does_not_keep_anybody_from_taking_things_down(tmp_path: Path) -> None:
    (tmp_path / "llmdeploy.yaml").write_text(SHORT.format(name="steps", port=free_port()))
    try:
        assert llmdeploy("up", "-y", cwd=tmp_path).exit_code == 0
        (tmp_path / ".llmdeploy/steps/plan.json").write_text("{")
    finally:
        down = llmdeploy("down", cwd=tmp_path)
    assert down.exit_code == 0, down.stderr
    assert "ended" in down.stderr
