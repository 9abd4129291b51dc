"""The alert rules for boxes in pull mode (docs/examples/pull-alerts.yml), tried with Prometheus's own test tool."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path
from typing import Any

import yaml

from llmdeploy.onhost.pull import OUTCOMES
from tests.playbooks.test_metrics_alerts import ANNOTATIONS, case_for_promtool, promtool

__all__ = ["promtool"]  # the fixture

RULES = Path(__file__).parents[2] / "docs" / "examples" / "pull-alerts.yml"
CASES: list[dict[str, Any]] = yaml.safe_load(Path(__file__).with_name("pull_alert_cases.yaml").read_text())


def rules() -> list[dict[str, Any]]:
    return [rule for group in yaml.safe_load(RULES.read_text())["groups"] for rule in group["rules"]]


def test_alerts_fire_when_they_should_and_at_no_other_time(promtool: str, tmp_path: Path) -> None:
    file = tmp_path / "test.yml"
    cases = [case_for_promtool(case) for case in CASES]
    file.write_text(yaml.safe_dump({"rule_files": [str(RULES)], "evaluation_interval": "30s", "tests": cases}))
    done = subprocess.run([promtool, "test", "rules", str(file)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_every_alert_has_a_case_and_says_what_to_do() -> None:
    assert {rule["alert"] for rule in rules()} == {case["alert"] for case in CASES}
    for rule in rules():
        assert set(rule["annotations"]) == ANNOTATIONS


def test_every_bad_outcome_of_a_pull_has_an_alert() -> None:
    named = set(re.findall(r'outcome="(\w+)"', RULES.read_text()))
    assert named == set(OUTCOMES) - {"current", "updated"}
