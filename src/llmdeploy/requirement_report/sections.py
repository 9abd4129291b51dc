"""The report from top to bottom."""

from __future__ import annotations

from llmdeploy.requirement_report.assumptions_section import assumptions_section
from llmdeploy.requirement_report.blocks import Section
from llmdeploy.requirement_report.costs_section import costs_section
from llmdeploy.requirement_report.decision_section import decision_section
from llmdeploy.requirement_report.methods_section import methods_section
from llmdeploy.requirement_report.next_section import next_section
from llmdeploy.requirement_report.report import RequirementReport
from llmdeploy.requirement_report.requirements_section import requirements_section
from llmdeploy.requirement_report.resources_section import resources_section
from llmdeploy.requirement_report.score_section import score_section


def title(report: RequirementReport) -> str:
    return f"Requirements of {report.said.deployment}"


def about(report: RequirementReport) -> str:
    return f"Written by llmdeploy {report.said.version} on {report.said.date}. Prices in USD, without tax."


def sections(report: RequirementReport) -> tuple[Section, ...]:
    return tuple(
        make(report)
        for make in (
            decision_section, requirements_section, resources_section, methods_section, costs_section, score_section,
            assumptions_section, next_section,
        )
    )  # fmt: skip
