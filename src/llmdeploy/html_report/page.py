"""Puts the sections together to one page."""

from __future__ import annotations

import hashlib
from binascii import b2a_base64
from pathlib import Path

from llmdeploy.html_report.endpoint_section import endpoint_section
from llmdeploy.html_report.gate_sections import gate_sections
from llmdeploy.html_report.markup import Markup, joined, pairs, tag
from llmdeploy.html_report.outcome import next_steps, verdict
from llmdeploy.html_report.plan_section import plan_section
from llmdeploy.html_report.record import Record
from llmdeploy.html_report.step_sections import badge, overview, step_sections
from llmdeploy.html_report.units import moment, seconds


def page(record: Record) -> str:
    """The whole document."""
    word, sentence = verdict(record)
    parts = [
        _header(record, word, sentence), next_steps(record), step_sections(record), plan_section(record),
        gate_sections(record), endpoint_section(record), _footer(record),
    ]  # fmt: skip
    title = f"{record.deployment}: {record.command or 'run'} {word}"
    body = tag("body", tag("main", *parts))
    return f"<!doctype html>\n{tag('html', head(title), body, lang='en')}\n"


def stylesheet() -> str:
    """The style of pages and charts; charts need it for their colours."""
    return Path(__file__).with_name("style.css").read_text(encoding="utf-8")


def head(title: str, more_style: str = "") -> Markup:
    """The head of a page that loads nothing and runs nothing: only our own style, named by its hash, is applied."""
    style = stylesheet() + more_style
    digest = b2a_base64(hashlib.sha256(style.encode()).digest(), newline=False).decode()
    policy = f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"
    return tag(
        "head",
        tag("meta", charset="utf-8"),
        tag("meta", http_equiv="Content-Security-Policy", content=policy),
        tag("meta", name_="viewport", content="width=device-width, initial-scale=1"),
        tag("meta", name_="color-scheme", content="light dark"),
        tag("meta", name_="referrer", content="no-referrer"),
        tag("title", title),
        tag("style", Markup(style)),
    )


def _header(record: Record, word: str, sentence: str) -> Markup:
    when = moment(record.started) if record.started is not None else ""
    found: list[tuple[str, object]] = [
        ("command", tag("code", f"llmdeploy {record.command}") if record.command else ""),
        ("when", when),
        ("took", seconds(record.seconds)),
        ("plan", tag("code", record.plan_digest) if record.plan_digest else "none"),
        ("llmdeploy", record.version),
    ]
    title = tag("h1", record.deployment, " ", badge(word))
    return tag("header", title, tag("p", sentence, class_="verdict"), overview(record), pairs(found))


def _footer(record: Record) -> Markup:
    return tag("footer", joined((f"Run {record.run_id} of llmdeploy {record.version}. ", "Times are UTC.")))
