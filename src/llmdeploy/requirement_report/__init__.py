"""The requirement report: what a deployment needs, what was decided and why, as Markdown and as one HTML page.

Pure: `requirement_report` computes every figure once, `markdown` and `html` write the same ones. The page needs no
network, no script and no other file.
"""

from __future__ import annotations

from llmdeploy.requirement_report.build import requirement_report
from llmdeploy.requirement_report.markdown import markdown
from llmdeploy.requirement_report.page import html
from llmdeploy.requirement_report.report import Facts, RequirementReport

__all__ = ["Facts", "RequirementReport", "html", "markdown", "requirement_report"]
