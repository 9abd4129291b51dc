"""Rules and classical learning: no language model at all, for tasks whose answers can be listed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from llmdeploy.methods.bench import Bench
from llmdeploy.methods.price import Price
from llmdeploy.methods.row import Row, refused
from llmdeploy.methods.words import usd


@dataclass(frozen=True)
class Way:
    """`hours` of work to begin with and each month after; `seconds` of one answer on one core. Assumptions: the gates
    measure both on the deployment itself."""

    method: str
    name: str
    seconds: float
    hours: float
    monthly_hours: float
    pros: tuple[str, ...]
    cons: tuple[str, ...]


RULES: Final = Way(
    "rules", "rule-based system", 0.001, 40, 4,
    ("predictable: the same question, the same answer", "debuggable: the rule that fired is known", "no data needed"),
    ("rigid: what no rule names is not understood", "hard to scale: each new case is another rule"),
)  # fmt: skip
LEARNED: Final = Way(
    "traditional ML", "traditional ML", 0.005, 60, 3,
    ("light: one core serves hundreds of requests a second", "interpretable: weights of words can be shown",
     "quick to train: minutes on one machine"),
    ("weaker on complex tasks: it sorts, it does not write", "needs some hundreds of labelled examples a class"),
)  # fmt: skip


def rows(bench: Bench) -> list[Row]:
    return [_row(bench, way) for way in (RULES, LEARNED)]


def _row(bench: Bench, way: Way) -> Row:
    need = bench.need
    if need.open_ended:
        reason = f"workload.task is {need.task}: an answer in free words cannot be listed beforehand"
        return refused(way.method, way.name, "local", reason)
    begin = way.hours * need.staff_hour
    price = Price(
        purchase=begin, write_off=begin / need.write_off, staff=way.monthly_hours * need.staff_hour
    )  # fmt: skip
    effort = f"{way.hours:.0f} hours of work to begin with ({usd(begin)}), {way.monthly_hours:.0f} a month"
    return Row(
        way.method, way.name, "local", price=price, seconds=way.seconds, control=1.0, ease=0.5, pros=way.pros,
        cons=(*way.cons, effort, "accuracy: nobody can publish it for your task; measure it with the golden prompts"),
    )  # fmt: skip
