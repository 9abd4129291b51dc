"""One line for each engine of a deployment on hosts: what the prober beside it saw."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from llmdeploy.monitoring.wording import count, duration, share, size
from llmdeploy.units import counted

UNKNOWN = {"unwatched": "not watched: its prober does not run", "unreachable": "not known: its host does not answer"}


def engine_lines(hosts: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """`engine  gpu1/0: up, ...` for every engine of these hosts, as `status` has them in its data."""
    return [f"engine  {name}/{one['replica']}: {_said(one)}" for name, host in hosts.items() for one in host["engines"]]


def _said(one: Mapping[str, Any]) -> str:
    if one["state"] in UNKNOWN:
        return UNKNOWN[one["state"]]
    parts = [
        one["state"],
        f"{count(one['running'])} running, {count(one['waiting'])} waiting",
        count(one["generated_per_s"], "tokens/s"),
        f"TTFT {duration(one['ttft_s'])}",
        f"right {share(one['accuracy'])}",
        size(one["rss"]),
    ]
    if one["failed"]:
        parts.append(counted(one["failed"], "failed probe"))
    if one["crashes"]:
        parts.append(f"crashes: {one['crashes']}")
    return ", ".join(parts)
