"""Every method considered, priced and put in order; the first that may be taken becomes the plan."""

from __future__ import annotations

from dataclasses import dataclass, replace

from llmdeploy.errors import Problem, SpecError
from llmdeploy.methods import cloud, edge, here, hybrid, onprem, smaller, without_model
from llmdeploy.methods.bench import Bench
from llmdeploy.methods.licences import LICENCE_HINT
from llmdeploy.methods.need import Need
from llmdeploy.methods.price import price_of
from llmdeploy.methods.row import Row
from llmdeploy.methods.score import scored
from llmdeploy.methods.words import usd
from llmdeploy.sizing.catalogue.models import Model

METHODS = (here, cloud, onprem, edge, hybrid, smaller, without_model)
SWAPS = ("smaller", "distilled", "quantized", "rules", "traditional ML")  # another thing than what was asked for
MOST_NEAREST = 3
IN_THE_WAY = {  # word of a reason -> the field that it is about; first what is easiest to change
    "budget.monthly": "budget.monthly",
    "budget.purchase": "budget.purchase",
    "promised": "workload.slo",
    "data.policy": "data.policy",
    "data.connectivity": "data.connectivity",
    "longer than its context": "workload.prompt_tokens",
}


@dataclass(frozen=True)
class Decision:
    """`rows` in order; `chosen` is the first that the pins allow, `best` the first without pins.

    `pinned` is the target that was asked for, empty where any would do. Only this machine may be chosen though its row
    is not feasible: it is measured by the gates, and not by a roofline of an unknown processor. No licence yields.
    """

    need: Need
    model: Model
    rows: tuple[Row, ...]
    chosen: Row
    pinned: str

    @property
    def best(self) -> Row:
        return self.rows[0]

    @property
    def extra(self) -> float:
        """USD a month that the pins cost against the best row."""
        return self.chosen.month - self.best.month


def decide(bench: Bench, target: str = "auto") -> Decision:
    """Consider every method.

    `target` other than `auto` pins the place. The model is what was asked for: alternatives to it are compared and not
    chosen. Raises SpecError with the nearest plans and their prices where nothing is feasible.
    """
    rows = scored(within_budget(all_rows(bench), bench.need), bench.need)
    allowed = [row for row in rows if _allowed(row, target)]
    chosen = next((row for row in allowed if row.feasible), None)
    if chosen is None and target == "local" and allowed and not bench.forbidden:
        chosen = allowed[0]
    if chosen is None:
        raise SpecError([_impossible(bench, rows, allowed, target)], "spec")
    return Decision(bench.need, bench.model, tuple(rows), chosen, "" if target == "auto" else target)


def all_rows(bench: Bench) -> list[Row]:
    return [row for method in METHODS for row in method.rows(bench)]


def within_budget(rows: list[Row], need: Need) -> list[Row]:
    """Rows that cost more than the budget say so, and by how much."""
    if need.budget is None:
        return rows
    return [
        replace(row, reason=f"{usd(row.month)} a month, and budget.monthly is {usd(need.budget)}")
        if row.feasible and row.month > need.budget
        else row
        for row in rows
    ]


def _allowed(row: Row, target: str) -> bool:
    return row.method not in SWAPS and target in ("auto", row.target)


def _impossible(bench: Bench, rows: list[Row], allowed: list[Row], target: str) -> Problem:
    """What stands in the way, and the nearest plans with their prices."""
    if not allowed:
        known = sorted({row.target for row in rows if row.target})
        return Problem("target", f"{target} cannot be planned in this version", f"write auto, or {', '.join(known)}")
    where = "anywhere" if target == "auto" else f"on {target}"
    path, first = _in_the_way(bench, allowed)
    near = "; ".join(nearest(rows, bench.need))
    less = LICENCE_HINT if bench.forbidden else "ask for less: a smaller model, fewer requests at once, a longer SLO"
    hint = "; ".join([*([less] if bench.forbidden or not near else []), *([f"nearest: {near}"] if near else [])])
    return Problem(path, f"nothing feasible {where} for {bench.model.name}: {first.name}: {first.reason}", hint)


def _in_the_way(bench: Bench, rows: list[Row]) -> tuple[str, Row]:
    """The field to change, and the row that is nearest to feasible: its reason has the field's word."""
    if bench.forbidden:
        return "model.use", rows[0]
    for word, path in IN_THE_WAY.items():
        against = [row for row in rows if word in row.reason]
        if against:
            return path, min(against, key=lambda row: row.month)
    return "target", rows[0]


def nearest(rows: list[Row], need: Need) -> list[str]:
    """The cheapest rows that break only the budget, and those that break only the SLO, with what they cost."""
    found: list[tuple[float, str]] = []
    for row in rows:
        if row.offer and row.price:
            found.append((row.month, f"{row.name}, {row.variant} on {row.hardware}: {usd(row.month)} a month"))
        elif row.nearest:
            price = price_of(row.nearest, need)
            offer = row.nearest
            said = f"{offer.variant.name} on {offer.machines} x {offer.hardware.title}: {usd(price.month)} a month"
            found.append((price.month, f"{row.name}, {said} ({row.reason})"))
    return [text for _, text in sorted(found)[:MOST_NEAREST]]
