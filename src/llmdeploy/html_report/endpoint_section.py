"""How to reach the deployment: the address and the file that holds the key. The key itself is never read here."""

from __future__ import annotations

import json
import shlex

from llmdeploy.html_report.markup import Markup, pairs, tag
from llmdeploy.html_report.record import Record
from llmdeploy.html_report.recorded import text

QUESTION = "What is the capital of France?"


def endpoint_section(record: Record) -> Markup:
    """Says so where nothing is deployed."""
    head = tag("h2", "How to reach it", id="endpoint")
    url, model = text(record.outputs.get("url")), text(record.outputs.get("model"))
    if not url:
        return tag("section", head, tag("p", "Nothing is deployed.", class_="quiet"))
    body = json.dumps({"model": model, "messages": [{"role": "user", "content": QUESTION}]}, ensure_ascii=False)
    header = shlex.quote(f"@{record.key_file.with_name('key.header')}")
    command = (
        f"curl {shlex.quote(f'{url}/v1/chat/completions')} -H {header} \\\n"
        f"  -H 'Content-Type: application/json' \\\n  -d {shlex.quote(body)}"
    )
    found: list[tuple[str, object]] = [
        ("address", tag("code", f"{url}/v1")),
        ("model", tag("code", model) if model else ""),
        ("key", tag("span", "in the file ", tag("code", record.key_file))),
    ]
    return tag("section", head, _age(record), pairs(found), tag("pre", tag("code", command), tabindex=0))


def _age(record: Record) -> Markup:
    """A word of warning where this run should have deployed and did not."""
    report = record.reached.get("deploy")
    if "deploy" not in record.steps or (report and report.ok):
        return Markup()
    return tag(
        "p", "This run did not come to a deployment of its own: below is the last one that came up.", class_="warn"
    )
