"""Decisions of every kind: bought, this machine, rented and bought together, no language model, nothing feasible."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import cache
from typing import Any

from llmdeploy.methods.bench import Bench
from llmdeploy.methods.decide import Decision, decide
from llmdeploy.methods.hardware import Hardware
from llmdeploy.methods.need import Need
from llmdeploy.methods.row import Row, refused
from llmdeploy.requirement_report import Facts, RequirementReport, requirement_report
from llmdeploy.sizing.catalogue.models import Model, models
from llmdeploy.sizing.processor import processor

FACTS = Facts("support-chat", "0.2.0", "2026-11-24")
HERE = Hardware("this machine", "local", processor(2, 21, "its processor"), 1, 21)
PEAK = 0.3


def model(name: str) -> Model:
    return next(one for one in models() if one.name == name)


def bench(name: str, concurrency: float = 16, prompt: int = 500, output: int = 200, **need: Any) -> Bench:
    return Bench(Need(concurrency, prompt, output, 2.0, 0.1, **need), model(name), here=HERE)


def report_of(decision: Decision, of: Bench, facts: Facts = FACTS) -> RequirementReport:
    return requirement_report(decision, of, facts)


@cache
def bought_case() -> tuple[Decision, Bench]:
    """A gated model with conditions; something to buy breaks even with the clouds."""
    of = bench("llama-3.3-70b")
    return decide(of), of


@cache
def bought() -> RequirementReport:
    return report_of(*bought_case())


@cache
def demo() -> RequirementReport:
    """On this machine for nothing: it draws no power that anybody counts, and nobody has published its quality."""
    of = bench("demo", 2, prompt=128, output=128)
    return report_of(decide(of), of)


@cache
def private() -> RequirementReport:
    """No cloud may be taken, tasks that need no language model, a budget that some rows break."""
    of = bench("qwen3-32b", 30, policy="private", task="classification", budget=950.0, e2e=60.0, hours_per_day=10.0)
    return report_of(decide(of), of)


@cache
def hybrid() -> RequirementReport:
    decision, of = bought_case()
    own = next(row for row in decision.rows if row.method == "on-premises" and row.offer)
    rent = next(row for row in decision.rows if row.method == "cloud" and row.offer)
    assert own.price
    assert rent.price
    price = replace(own.price, machines=rent.price.machines * PEAK, fixed=rent.price.fixed)
    row = replace(own, method="hybrid", name="hybrid", target="hybrid", second=rent.offer, price=price)
    return report_of(replace(decision, rows=(*decision.rows, row), chosen=row, pinned="hybrid"), of)


@cache
def rules() -> RequirementReport:
    """Chosen without a language model."""
    of = bench("qwen3-0.6b", 4, task="routing")
    decision = decide(of)
    row = next(row for row in decision.rows if row.method == "rules")
    return report_of(replace(decision, chosen=row), of)


@cache
def broken() -> RequirementReport:
    """This machine, which the spec asks for and which is too slow."""
    of = bench("llama-3.1-8b", 4)
    return report_of(decide(of, "local"), of)


@cache
def nothing() -> RequirementReport:
    """Nothing is feasible, and of the chosen row nothing is known."""
    of = bench("llama-3.3-70b", policy="private")
    row = refused("this machine", "this machine", "local", "q8_0: does not fit")
    return report_of(Decision(of.need, of.model, (row,), row, "local"), of)


ALL: dict[str, Callable[[], RequirementReport]] = {
    "bought": bought, "demo": demo, "private": private, "hybrid": hybrid, "rules": rules, "broken": broken,
    "nothing": nothing,
}  # fmt: skip

EVIL = "<script>alert(1)</script> & \"'|`*x* [y](z) _u_ ~~s~~ \\| \x1b[31m"


@cache
def hostile() -> RequirementReport:
    """Whatever others may have written, written by somebody who means harm; a text may also begin like markup."""
    decision, of = bought_case()
    evil = replace(decision.model, title=EVIL, repository=EVIL, license=EVIL, quality_source=EVIL)
    rows = tuple(_hostile(row, evil) for row in decision.rows)
    chosen = rows[decision.rows.index(decision.chosen)]
    facts = Facts(EVIL, EVIL, f"# {EVIL}", EVIL)
    return report_of(Decision(decision.need, evil, rows, chosen, EVIL), of, facts)


def _hostile(row: Row, evil: Model) -> Row:
    offer = row.offer
    if offer:
        hardware = replace(offer.hardware, name=EVIL, region=EVIL)
        offer = replace(offer, variant=replace(offer.variant, model=evil), hardware=hardware)
    reason = f"- {row.reason}\n\n# {EVIL}" if row.reason else ""
    said = (f"1. {EVIL}\n\n## x",)
    return replace(row, name=f"{row.name}{EVIL}", offer=offer, reason=reason, pros=said, cons=said)
