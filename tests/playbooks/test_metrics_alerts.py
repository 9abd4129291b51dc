"""The alert rules of the role `metrics`, tried with Prometheus's own test tool."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.debian_package import program

ROLE = Path(__file__).parents[2] / "playbooks" / "roles" / "metrics"
CASES: list[dict[str, Any]] = yaml.safe_load(Path(__file__).with_name("alert_cases.yaml").read_text())
DEFAULTS: dict[str, Any] = yaml.safe_load((ROLE / "defaults" / "main.yml").read_text())
ANNOTATIONS = {"summary", "description", "runbook"}


def rendered(name: str) -> str:
    """A template of rules with the role's defaults; it uses nothing but plain variables."""
    text = (ROLE / "templates" / f"{name}.j2").read_text()
    return re.sub(r"<<\s+(\w+)\s+>>", lambda found: str(DEFAULTS[found[1]]), text)


def rules() -> list[dict[str, Any]]:
    groups = yaml.safe_load(rendered("alerts.yml"))["groups"]
    return [rule for group in groups for rule in group["rules"]]


def case_for_promtool(case: dict[str, Any]) -> dict[str, Any]:
    def look(at: str, fires: bool) -> dict[str, Any]:
        labels = {"alertname": case["alert"], "alertstate": "firing", **case["labels"]}
        inside = ", ".join(f"{name}={json.dumps(value)}" for name, value in labels.items())
        # Without the labels that tell one host from another: whatever else fires is a failure too.
        query = f'ALERTS{{alertname="{case["alert"]}", alertstate="firing"}}'
        return {
            "expr": query,
            "eval_time": at,
            "exp_samples": [{"labels": f"ALERTS{{{inside}}}", "value": 1}] if fires else [],
        }

    return {
        "interval": "30s",
        "name": case["alert"],
        "input_series": [{"series": series, "values": values} for series, values in case["series"].items()],
        "promql_expr_test": [look(at, True) for at in case["fires"]] + [look(at, False) for at in case["quiet"]],
    }


@pytest.fixture(scope="module")
def promtool() -> str:
    found = program("promtool", "usr/bin/promtool", "prometheus")
    if not found:
        pytest.skip("promtool is not installed; Debian and Ubuntu have it in the package prometheus")
    return found


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("rules")
    for name in ("alerts.yml", "limits.yml"):
        (folder / name).write_text(rendered(name))
    return folder


def test_alerts_fire_when_they_should_and_at_no_other_time(promtool: str, folder: Path) -> None:
    file = folder / "test.yml"
    suite = {
        "rule_files": ["alerts.yml", "limits.yml"],
        "evaluation_interval": "30s",
        "group_eval_order": ["limits", "figures"],
        "tests": [case_for_promtool(case) for case in CASES],
    }
    file.write_text(yaml.safe_dump(suite))
    done = subprocess.run([promtool, "test", "rules", str(file)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_every_alert_has_a_case() -> None:
    assert {rule["alert"] for rule in rules()} == {case["alert"] for case in CASES}


@pytest.mark.parametrize("rule", rules(), ids=lambda rule: rule["alert"])
def test_an_alert_says_what_is_wrong_and_what_to_do(rule: dict[str, Any]) -> None:
    assert rule["labels"]["severity"] in {"critical", "warning", "info"}
    assert set(rule["annotations"]) == ANNOTATIONS
    assert all(text.strip().endswith((".", "")) and len(text) > 10 for text in rule["annotations"].values())
    labels = [case["labels"] for case in CASES if case["alert"] == rule["alert"]]
    used = set(re.findall(r"\$labels\.(\w+)", " ".join(rule["annotations"].values())))
    assert all(used <= set(each) for each in labels), "an annotation names a label that the alert does not have"


def test_every_variable_of_the_rules_has_a_default() -> None:
    texts = "".join(path.read_text() for path in ROLE.glob("templates/[al]*s.yml.j2"))
    names = set(re.findall(r"<<\s+(\w+)\s+>>", texts))
    assert names <= set(DEFAULTS)
    assert "metrics_ttft_p95_s" in names
