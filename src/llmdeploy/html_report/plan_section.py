"""The plan: what was decided, what it takes of the memory, why, and what was not taken."""

from __future__ import annotations

from typing import Any

from llmdeploy.html_report.charts import stacked_bar
from llmdeploy.html_report.markup import Markup, bullets, joined, pairs, table, tag
from llmdeploy.html_report.record import Record
from llmdeploy.html_report.recorded import listed, mapping, mappings, number, text
from llmdeploy.html_report.units import dollars, plain, size


def plan_section(record: Record) -> Markup:
    head = tag("h2", "Plan", id="plan")
    said = [tag("p", f"{what}. {hint}.", class_="warn") for what, hint in record.damage]
    if not record.plan:
        if not record.damage:
            said.append(tag("p", "There is no plan yet: prepare has not come so far.", class_="quiet"))
        return tag("section", head, *said)
    if "prepare" in record.steps and not record.plan_is_of_this_run:
        said.append(
            tag("p", "An earlier run made this plan; this one did not come to a plan of its own.", class_="warn")
        )
    plan = record.plan
    return tag(
        "section", head, *said, pairs(_decision(plan)), _memory(mapping(plan.get("memory"))),
        _list("Reasons", plan.get("reasons")), _list("Warnings", plan.get("warnings")), _alternatives(plan),
    )  # fmt: skip


def _decision(plan: dict[str, Any]) -> list[tuple[str, object]]:
    model = mapping(plan.get("model"))
    price, replicas = number(plan.get("price_per_month")), number(plan.get("replicas"))
    return [
        ("model", f"{text(model.get('id'))} ({text(plan.get('variant'))}, {text(model.get('format'))})"),
        ("weights", _weights(model)),
        ("served as", text(plan.get("served_name"))),
        ("engine", f"{text(plan.get('engine'))} on {text(plan.get('target'))}"),
        ("serves", _serves(plan)),
        ("accelerators", ", ".join(map(text, listed(plan.get("accelerators"))))),
        ("replicas", plain(replicas) if replicas is not None and replicas != 1 else ""),
        ("address", f"{text(plan.get('host'))}:{text(plan.get('port'))}"),
        ("price", "" if price is None else "free" if price == 0 else f"{dollars(price)} a month"),
        ("digest", tag("code", text(plan.get("digest")))),
    ]


def _weights(model: dict[str, Any]) -> Markup:
    took = number(model.get("size_bytes"))
    parts: list[object] = [size(took) if took is not None else "size unknown", f", {text(model.get('source'))}"]
    for name in ("location", "file", "revision", "sha256"):
        if found := text(model.get(name)):
            parts += [tag("br"), f"{name} ", tag("code", found)]
    return joined(parts)


def _serves(plan: dict[str, Any]) -> str:
    slots, context, threads = (number(plan.get(name)) for name in ("slots", "context", "threads"))
    parts = []
    if slots is not None and context is not None:
        parts.append(f"{plain(slots)} {'request' if slots == 1 else 'requests'} at once, {context:,.0f} tokens each")
    if threads:
        parts.append(f"{plain(threads)} {'thread' if threads == 1 else 'threads'}")
    return ", ".join(parts)


def _memory(memory: dict[str, Any]) -> Markup:
    found = [
        (text(one.get("name")), number(one.get("bytes")), text(one.get("reason")))
        for one in mappings(memory.get("parts"))
    ]
    parts = [(name, value) for name, value, _ in found if value is not None]
    if not parts:
        return Markup()
    chart = stacked_bar("Memory needed against memory free", parts, number(memory.get("available_bytes")), size, "free")
    rows = ([name, size(value), reason] for name, value, reason in found if value is not None)
    return joined(
        (
            tag("h3", "Memory"),
            tag(
                "div",
                tag("figure", tag("figcaption", "Memory needed, against what is free"), chart),
                table("Memory by part", ("part", "size", "why"), rows, kind="parts"),
                class_="beside",
            ),
        )
    )


def _list(head: str, found: Any) -> Markup:
    points = [text(one) for one in listed(found)]
    return joined((tag("h3", head), bullets(points))) if points else Markup()


def _alternatives(plan: dict[str, Any]) -> Markup:
    rows = [[text(one.get("what")), text(one.get("reason"))] for one in mappings(plan.get("alternatives"))]
    if not rows:
        return Markup()
    return joined(
        (tag("h3", "Not taken"), table("Alternatives that were not taken", ("what", "why not"), rows, kind="named"))
    )
