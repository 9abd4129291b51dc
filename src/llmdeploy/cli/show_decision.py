"""The comparison of methods on one screen, and as JSON."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from llmdeploy.methods.decide import Decision
from llmdeploy.methods.offer import Offer
from llmdeploy.methods.row import Row
from llmdeploy.methods.words import from_month, usd
from llmdeploy.units import milliseconds

NAME, VARIANT, HARDWARE = 25, 26, 36


def decision_text(decision: Decision) -> str:
    """Feasible rows as a table, the others with their reason, then what speaks for and against the first ones."""
    lines = [
        f"{decision.model.title} for {_need(decision)}",
        "",
        f"  {'score':>5} {'method':{NAME}}{'variant':{VARIANT}}{'hardware':{HARDWARE}}{'USD/month':>10}"
        f"{'TTFT':>10}{'ITL':>9}",
        *(_line(row, row is decision.chosen) for row in decision.rows if row.feasible),
        *(f"      - {row.name:{NAME}}{row.reason}" for row in decision.rows if not row.feasible),
        "",
        *_about(decision.chosen),
    ]
    if not decision.chosen.feasible:
        lines.append(f"  it is taken because it is pinned: {decision.chosen.reason}")
    elif decision.best is not decision.chosen:
        more = f"{usd(decision.extra)} a month more" if decision.extra > 0 else f"{usd(-decision.extra)} a month less"
        lines.append(f"  the best by score is {decision.best.name}; this one costs {more}")
    return "\n".join(lines)


def _need(decision: Decision) -> str:
    need = decision.need
    limit = f", at most {usd(need.budget)} a month" if need.budget is not None else ""
    return (
        f"{need.concurrency:.3g} requests at once of {need.prompt} + {need.output} tokens, "
        f"TTFT {milliseconds(need.ttft)} ms, ITL {milliseconds(need.itl)} ms, {need.hours_per_day:g} h a day, "
        f"data {need.policy}{limit}"
    )


def _line(row: Row, chosen: bool) -> str:
    mark = ">" if chosen else " "
    speed = (
        f"{milliseconds(row.offer.ttft):>7} ms{milliseconds(row.offer.served.itl):>6} ms" if row.offer
        else f"{(row.seconds or 0) * 1000:>7,.0f} ms{'':9}"
    )  # fmt: skip
    break_even = f"  cheaper than renting {from_month(row.break_even)}" if row.break_even is not None else ""
    return (
        f"{mark} {row.score:5.2f} {row.name:{NAME}}{_cut(row.variant, VARIANT)}{_cut(row.hardware, HARDWARE)}"
        f"{row.month:>10,.0f}{speed}{break_even}"
    )


def _about(row: Row) -> list[str]:
    return [f"  {row.name}", *(f"    + {one}" for one in row.pros), *(f"    - {one}" for one in row.cons)]


def _cut(text: str, width: int) -> str:
    return f"{text if len(text) < width else text[: width - 2] + '…':{width}}"


def decision_json(decision: Decision) -> dict[str, Any]:
    return {
        "model": decision.model.name,
        "need": asdict(decision.need),
        "chosen": decision.chosen.name,
        "best": decision.best.name,
        "pinned": decision.pinned,
        "extra_per_month": round(decision.extra, 2),
        "rows": [_row_json(row) for row in decision.rows],
    }


def _row_json(row: Row) -> dict[str, Any]:
    return {
        "method": row.method,
        "name": row.name,
        "target": row.target,
        "feasible": row.feasible,
        "reason": row.reason,
        "score": round(row.score, 4),
        "parts": {name: round(part, 4) for name, part in row.parts.items()},
        "offer": _offer_json(row.offer),
        "rented_part": _offer_json(row.second),
        "price": {**asdict(row.price), "month": round(row.month, 2)} if row.price else None,
        "break_even_month": row.break_even,
        "quality": row.quality,
        "pros": list(row.pros),
        "cons": list(row.cons),
    }


def _offer_json(offer: Offer | None) -> dict[str, Any] | None:
    if offer is None:
        return None
    return {
        "variant": offer.variant.name,
        "engine": offer.variant.engine,
        "machine": offer.hardware.name,
        "region": offer.hardware.region,
        "accelerator": offer.hardware.accelerator.name,
        "accelerators_per_machine": offer.hardware.count,
        "machines": offer.machines,
        "replicas": offer.replicas,
        "tensor_parallel": offer.layout.tensor,
        "pipeline_parallel": offer.layout.pipeline,
        "requests_at_once": int(offer.served.batch) * offer.replicas,
        "ttft_p95_s": round(offer.ttft, 4),
        "itl_s": round(offer.served.itl, 5),
        "tokens_per_second": round(offer.tokens_per_second, 1),
        "headroom": round(offer.headroom, 3),
    }
