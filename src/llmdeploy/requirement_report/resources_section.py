"""What the chosen plan takes: model, machines, memory part by part, storage, traffic; and how it bears more load."""

from __future__ import annotations

from functools import partial

from llmdeploy.html_report.units import plain, share, size
from llmdeploy.requirement_report.blocks import Block, Chart, Heading, Pairs, Paragraph, Section, Table
from llmdeploy.requirement_report.decision_section import where
from llmdeploy.requirement_report.latency_charts import latency_charts
from llmdeploy.requirement_report.memory_chart import memory_chart
from llmdeploy.requirement_report.report import Machines, RequirementReport
from llmdeploy.requirement_report.wording import amount, counted, money
from llmdeploy.sizing.question import GIB
from llmdeploy.units import parameters_text


def resources_section(report: RequirementReport) -> Section:
    title = "Resources of the chosen plan"
    if not report.machines:
        said = f"{report.chosen.name} runs on one core of any machine: no model, no accelerator, no memory to speak of."
        return Section("resources", title, (Paragraph(said),))
    blocks: list[Block] = [Heading("Model"), Pairs(_model(report))]
    for one in report.machines:
        side = f": {one.place}" if len(report.machines) > 1 else ""
        blocks += [
            Heading(f"Machines{side}"), Pairs(_machines(one)), Heading(f"Memory of one device{side}"), _memory(one),
            Heading(f"Latency against load{side}"), *latency_charts(one, report.need),
        ]  # fmt: skip
    return Section("resources", title, tuple(blocks))


def _model(report: RequirementReport) -> tuple[tuple[str, str], ...]:
    model, first = report.model, report.machines[0]
    parameters = parameters_text(model.parameters)
    if model.active_parameters is not None:
        parameters += f", {parameters_text(model.active_parameters)} of them work on a token"
    weights = f"{size(first.weight_bytes)}, {first.bits:.3g} bits a weight in the layers"
    quality = f"{model.quality:g} of 100 ({model.quality_source})" if model.quality is not None else "none published"
    return (
        ("model", f"{model.title}{f', {model.repository}' if model.repository else ''}"),
        ("variant", first.variant),
        ("parameters", parameters),
        ("licence", model.licence or "not known"),
        ("weights", weights),
        ("score as published", quality),
        ("context", f"{first.context:,} of {model.context:,} tokens"),
        ("engine", first.engine),
    )


def _machines(one: Machines) -> tuple[tuple[str, str], ...]:
    found = [
        ("machines", where(one)),
        ("accelerators", "none: the processor computes" if one.processor else f"{one.devices} x {one.device} in each"),
        ("memory of one", f"{plain(one.memory.total / GIB)} GiB as a process sees it"),
        ("layout", _layout(one)),
        ("places", f"{counted(one.places, 'request')} at once, {plain(one.planned)} planned"),
        ("cache", f"{one.cache_tokens:,} tokens in each replica"),
        ("storage", f"{amount(one.storage_gb)} GB: system and image, weights and the next revision of them"),
        ("to fetch once", f"{size(one.weight_bytes)} of weights to each machine"),
        ("network", _network(one)),
    ]
    if one.hour is not None:
        found.append(("price of one", f"{money(one.hour)} an hour on demand"))
    elif one.price:
        found.append(("price of one", f"{money(one.price)} to buy"))
    if one.watts:
        found.append(("power", f"{one.watts:,.0f} W a machine at full load"))
    return tuple(found)


def _layout(one: Machines) -> str:
    cut = f"tensor parallel {one.tensor}, pipeline parallel {one.pipeline}"
    link = f", joined by {one.link}" if one.link and one.tensor * one.pipeline > 1 else ""
    return f"{counted(one.replicas, 'replica')}{', each' if one.replicas > 1 else ''} with {cut}{link}"


def _network(one: Machines) -> str:
    found = one.traffic
    return (
        f"{found.requests:,.0f} requests a month: {amount(found.gb_in)} GB in, {amount(found.gb_out)} GB out, "
        f"{plain(found.mbit_out)} Mbit/s out on average in the busy hours"
    )


def _memory(one: Machines) -> Chart:
    memory = one.memory
    name, unit = memory.unit
    limit = f"{memory.engine} takes up to {plain(memory.usable / unit)} {name}"
    found = [*((part.name, part.bytes, part.what) for part in memory.parts), ("device", memory.total, limit)]
    rows = tuple((part, plain(size_ / unit), share(size_ / memory.total), what) for part, size_, what in found)
    table = Table(f"Parts of it in {name}", ("part", name, "share", "what it is"), rows, (1, 2))
    return Chart("Each device, the fullest where they differ", partial(memory_chart, memory), table)
