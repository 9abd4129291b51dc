"""The requirements as they were understood."""

from __future__ import annotations

from llmdeploy.html_report.units import milliseconds, plain, seconds, share
from llmdeploy.methods.need import HOURS_PER_MONTH, Need
from llmdeploy.requirement_report.blocks import Block, Heading, Pairs, Paragraph, Section
from llmdeploy.requirement_report.report import ModelFacts, RequirementReport
from llmdeploy.requirement_report.wording import counted, money

POLICIES = {"any": "prompts may go anywhere", "private": "prompts stay on machines of your own: nothing is rented"}
LINES = {"good": "good", "poor": "poor: a line to a cloud would be in every answer", "none": "none: no cloud"}


def requirements_section(report: RequirementReport) -> Section:
    need, model = report.need, report.model
    blocks: list[Block] = [
        Heading("Workload and promise"), Pairs(_workload(need)),
        Heading("Data and money"), Pairs(_money(need)),
        Heading("Licence and access"), Pairs(_licence(need, model)),
    ]  # fmt: skip
    blocks += [Paragraph(text, warn=True) for text in access(model)]
    return Section("requirements", "Requirements as understood", tuple(blocks))


def _workload(need: Need) -> tuple[tuple[str, str], ...]:
    whole = f"at most {seconds(need.e2e)} for 95 of 100 requests" if need.e2e else "not promised"
    month = f"{need.busy_hours:,.0f} of {HOURS_PER_MONTH:,.0f} hours a month"
    return (
        ("task", f"{need.task}: {'answers in free words' if need.open_ended else 'answers that can be listed'}"),
        ("load", f"{counted(need.concurrency, 'request')} at once on average in the busy hours"),
        ("request", f"{need.prompt:,} tokens in, {need.output:,} out"),
        ("busy hours", f"{need.hours_per_day:g} of 24 a day, {month}"),
        ("TTFT", f"time to the first token: at most {milliseconds(need.ttft * 1000)} for 95 of 100 requests"),
        ("ITL", f"time between two tokens: at most {milliseconds(need.itl * 1000)} for 95 of 100"),
        ("whole answer", whole),
        ("quantization", need.quantization),
    )


def _money(need: Need) -> tuple[tuple[str, str], ...]:
    own = need.owned
    hosts = f"{counted(own.hosts, 'host')} with {own.per_host} x {own.accelerator} each" if own else "none"
    return (
        ("data policy", f"{need.policy}: {POLICIES.get(need.policy, '')}"),
        ("connectivity", LINES.get(need.connectivity, need.connectivity)),
        ("budget a month", f"at most {money(need.budget)}" if need.budget is not None else "no limit"),
        ("budget to buy", f"at most {money(need.purchase)}" if need.purchase is not None else "no limit"),
        ("spot machines", f"{share(need.spot)} of those that are rented" if need.spot else "none"),
        ("own hosts", hosts),
        ("write-off", f"a purchase counts over {counted(need.write_off, 'month')}"),
        ("power and staff", f"{plain(need.electricity)} USD a kWh, {money(need.staff_hour)} an hour"),
    )


def _licence(need: Need, model: ModelFacts) -> tuple[tuple[str, str], ...]:
    found = [("use", need.use), ("model", model.title), ("licence", model.licence or "not known")]
    if model.forbidden:
        found.append(("forbids", model.forbidden))
    if model.condition:
        found.append(("asks for", model.condition))
    if not model.repository:
        access_ = "comes with llmdeploy"
    else:
        access_ = "gated" if model.gated else "open: no account is needed"
    return (*found, ("access", access_))


def access(model: ModelFacts) -> list[str]:
    """What must be done before the first deploy."""
    if not model.gated:
        return []
    return [
        f"Access is gated. Before deploy: sign in to huggingface.co, open {model.repository}, accept the terms (the "
        "publisher may take hours to agree), make a token that may read, and set it as HF_TOKEN or log in with hf auth "
        "login. prepare needs none of this."
    ]
