"""What the role `metrics` promises: its signature, and dashboards whose queries Prometheus understands."""

from __future__ import annotations

import html
import json
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.debian_package import program

ROLE = Path(__file__).parents[2] / "playbooks" / "roles" / "metrics"


def options() -> dict[str, Any]:
    specs = yaml.safe_load((ROLE / "meta" / "argument_specs.yml").read_text())
    return specs["argument_specs"]["main"]["options"]  # type: ignore[no-any-return]


def grafana_queries() -> list[str]:
    dashboard = json.loads((ROLE / "templates" / "grafana" / "llmdeploy.json.j2").read_text())
    return [target["expr"] for panel in dashboard["panels"] for target in panel.get("targets", ())]


def console_queries() -> list[str]:
    page = (ROLE / "files" / "consoles" / "llmdeploy.html").read_text()
    in_template = re.findall(r'(?:query|template "\w+") \(?(?:printf )?"((?:[^"\\]|\\.)+)"', page)
    charts = page[page.index("var CHARTS") : page.index("var range")]
    in_charts = [
        text.replace('\\"', '"')
        for text in re.findall(r'"((?:[^"\\]|\\.)*)"', charts)
        if re.search(r"llmdeploy[:_]|node_|ALERTS", text)
    ]
    filled = [query.replace("{host='%s',", "{host='a',").replace("'%s'", "'a'") for query in in_template]
    return [html.unescape(query.replace("%s", "{host='a'}")) for query in filled] + in_charts


def test_defaults_and_argument_specs_agree() -> None:
    defaults = yaml.safe_load((ROLE / "defaults" / "main.yml").read_text())
    specified = {name: option["default"] for name, option in options().items() if "default" in option}
    assert defaults == specified
    assert [name for name, option in options().items() if option.get("required")] == ["metrics_name"]
    assert all(name.startswith("metrics_") and option["description"] for name, option in options().items())


@pytest.mark.parametrize(("place", "least"), [("grafana", 20), ("console", 35)])
def test_prometheus_understands_the_queries_of_the_dashboards(place: str, least: int, tmp_path: Path) -> None:
    promtool = program("promtool", "usr/bin/promtool", "prometheus")
    if not promtool:
        pytest.skip("promtool is not installed; Debian and Ubuntu have it in the package prometheus")
    queries = sorted(set(grafana_queries() if place == "grafana" else console_queries()))
    assert len(queries) >= least
    rules = [{"record": f"query:{number}", "expr": query} for number, query in enumerate(queries)]
    file = tmp_path / "queries.yml"
    file.write_text(yaml.safe_dump({"groups": [{"name": place, "rules": rules}]}))
    done = subprocess.run([promtool, "check", "rules", str(file)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_console_loads_nothing_from_elsewhere() -> None:
    page = (ROLE / "files" / "consoles" / "llmdeploy.html").read_text()
    assert not re.search(r"""(?:src|href)=["'](?!\.\./)""", page)
    assert set(re.findall(r"https?://[^\"' )]+", page)) == {"http://www.w3.org/2000/svg"}
