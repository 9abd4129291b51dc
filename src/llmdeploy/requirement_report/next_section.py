"""What to type next."""

from __future__ import annotations

import shlex

from llmdeploy.requirement_report.blocks import Block, Commands, Paragraph, Section
from llmdeploy.requirement_report.report import RequirementReport
from llmdeploy.requirement_report.wording import money


def next_section(report: RequirementReport) -> Section:
    command, name = report.said.command, shlex.quote(report.said.deployment)
    found = []
    if report.model.gated:
        found.append(("export HF_TOKEN=...", f"a token that may read {report.model.repository}"))
    found += [
        (f"{command} setup", "bring the place and the engine"),
        (f"{command} deploy", "fetch the weights, start the engine, wait for its first answer"),
        (f"{command} test", "hold it against the promise: smoke, golden and load gate"),
        (f"{command} monitor", "watch it"),
        (f"{command} up", "or all of these at once"),
        (f"{command} status --name {name}", "what runs, and where it answers"),
        (f"{command} down --name {name}", "stop it, and stop paying for it"),
    ]
    blocks: list[Block] = [Paragraph(_before(report)), Commands(tuple(found))]
    return Section("next", "Next commands", tuple(blocks))


def _before(report: RequirementReport) -> str:
    price = report.price
    if price is None or not (price.month or price.purchase):
        return "The plan is saved; nothing has been spent."
    if price.purchase:
        return f"The plan is saved; nothing has been spent. {money(price.purchase)} are to be spent first."
    return f"The plan is saved; nothing has been spent. From deploy on it costs {money(price.month)} a month."
