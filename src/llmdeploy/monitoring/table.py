"""The terminal's view of a snapshot: the same rows as a rich table or as plain text."""

from __future__ import annotations

from typing import TYPE_CHECKING

from llmdeploy.monitoring.snapshot import Snapshot
from llmdeploy.monitoring.wording import clock, count, duration, share, size

if TYPE_CHECKING:
    from rich.console import RenderableType

SHOWN_EVENTS = 5
SHOWN_PROBES = 5
# A word says the state; the colour only repeats it.
STYLES = {"up": "green", "down": "bold red", "silent": "bold yellow", "empty": "yellow"}


def table_rows(snapshot: Snapshot) -> list[tuple[str, str]]:
    """(what, value) in the order of the view."""
    now, window = snapshot.now, duration(snapshot.window_s)
    rows = [("health", snapshot.state.upper())]
    if not now:
        return rows
    rows += [
        ("supervisor's word", now["state"] or "-"),
        ("health answer", duration(now["health_s"])),
        ("tokens generated", count(now["generated_per_s"], "per s")),
        ("prompt tokens", count(now["prompt_per_s"], "per s")),
        ("requests", f"{count(now['running'])} running, {count(now['waiting'])} waiting"),
        ("KV cache", share(now["kv_usage"])),
        ("memory", size(now["rss"])),
        ("TTFT of probes", _percentiles(snapshot.ttft_s)),
        ("ITL of probes", _percentiles(snapshot.itl_s)),
        ("accuracy", _accuracy(snapshot)),
        (f"down in {window}", duration(snapshot.down_s) if snapshot.down_s else "none"),
        (f"restarts in {window}", str(snapshot.restarts)),
    ]
    rows += [("event", _event(event)) for event in snapshot.events[:SHOWN_EVENTS]]
    rows += [("probe", _probe(probe)) for probe in snapshot.probes[:SHOWN_PROBES]]
    return rows


def render_plain(snapshot: Snapshot) -> str:
    """Lines for a pipe or a log; ends without a newline."""
    rows = table_rows(snapshot)
    width = max(len(name) for name, _ in rows)
    return "\n".join([snapshot.headline, *(f"{name:<{width}}  {value}" for name, value in rows)])


def render_rich(snapshot: Snapshot) -> RenderableType:
    """A table for a terminal."""
    from rich.box import SIMPLE_HEAD
    from rich.table import Table
    from rich.text import Text

    style = STYLES[snapshot.state]
    table = Table(box=SIMPLE_HEAD, title=Text(snapshot.headline, style=style), title_justify="left", show_header=False)
    table.add_column(style="dim", no_wrap=True)
    table.add_column(overflow="fold")
    before = ""
    for name, value in table_rows(snapshot):
        shown = Text(value, style=style if name == "health" else _style(name, snapshot))
        table.add_row("" if name == before else name, shown)  # text, not markup: a value may hold brackets
        before = name
    return table


def _style(name: str, snapshot: Snapshot) -> str:
    return "bold red" if name == "accuracy" and not snapshot.accurate else ""


def _percentiles(found: dict[str, float | None]) -> str:
    return f"p50 {duration(found['p50'])}, p95 {duration(found['p95'])}"


def _accuracy(snapshot: Snapshot) -> str:
    told = snapshot.outcomes
    if not any(told.values()):
        return "no prompt was asked yet"
    counts = f"{told['right']} right, {told['wrong']} wrong, {told['failed']} failed in {duration(snapshot.window_s)}"
    if snapshot.accuracy is None:
        return (
            f"no full pass yet; {counts}" if told["right"] + told["wrong"] else f"not judged; {told['failed']} failed"
        )
    bound = "" if snapshot.accurate else f", BELOW the minimum of {share(snapshot.min_accuracy)}"
    return f"{share(snapshot.accuracy)} of the last full pass{bound}; {counts}"


def _event(event: dict[str, object]) -> str:
    started, ended = float(str(event["started"])), event["ended"]
    length = "still" if ended is None else f"for {duration(float(str(ended)) - started)}"
    words = {"down": f"down {length}", "restart": "engine restarted", "unwatched": f"nobody watched {length}"}
    return f"{clock(started)}  {words[str(event['kind'])]}" + (f" ({event['detail']})" if event["detail"] else "")


def _probe(probe: dict[str, object]) -> str:
    def seconds(key: str) -> str:
        value = probe[key]
        return duration(float(str(value)) if value is not None else None)

    parts = [clock(float(str(probe["at"]))), str(probe["outcome"]), str(probe["name"])]
    parts.append(f"TTFT {seconds('ttft_s')}, ITL {seconds('itl_s')}")
    return "  ".join([*parts, f"({probe['detail']})"] if probe["detail"] else parts)
