"""Prints how a deployment is on this host as one JSON document. Sent through SSH: nothing but Python's own library.

Arguments: the deployment's name, the port of the SSH server (unused). Run as root.
"""

from __future__ import annotations

import json
import os
import re
import sqlite3
import subprocess
import sys
import time
import urllib.request
from contextlib import closing
from pathlib import Path
from typing import Any

SHOWN = "Id,ActiveState,SubState,NRestarts,ActiveEnterTimestampMonotonic,UnitFileState"
SECONDS = 3.0
WINDOW_SECONDS = 900.0
SILENT_SECONDS = 10.0  # the prober looks once a second
UNITS, STATE = "/etc/systemd/system", "/var/lib/llmdeploy"


def units(name: str) -> list[dict[str, str]]:
    """Every unit of the deployment, with its state and how often systemd has restarted it."""
    ours = [one for one in os.listdir(UNITS) if one.startswith("llmdeploy-" + name + "-")]
    mine = sorted(one for one in ours if not one.endswith(".d"))
    if not mine:
        return []
    command = ["systemctl", "show", "--property", SHOWN, "--"] + mine
    said = subprocess.run(command, stdout=subprocess.PIPE, check=True).stdout.decode()
    blocks = [block for block in said.split("\n\n") if block.strip()]
    return [dict(line.split("=", 1) for line in block.strip().splitlines()) for block in blocks]


def engines(name: str, now: float) -> list[dict[str, Any]]:
    """What the prober saw of each engine whose unit is here, at `now` in epoch seconds."""
    found = []
    for unit in sorted(os.listdir(UNITS)):
        index = re.fullmatch("llmdeploy-" + re.escape(name) + r"-engine-([0-9]+)\.service", unit)
        if index:
            history = Path(STATE, name, "prober", "engine-" + index[1], "history.sqlite")
            found.append({"replica": int(index[1]), **seen(history, now)})
    return sorted(found, key=lambda one: int(one["replica"]))


def seen(history: Path, now: float) -> dict[str, Any]:
    """The newest look of a prober, and its probes of the last quarter of an hour."""
    if not history.exists():
        return {"state": "unwatched"}
    with closing(sqlite3.connect(history.as_uri() + "?mode=ro", uri=True, timeout=SECONDS)) as db:
        db.row_factory = sqlite3.Row
        sample = db.execute("SELECT * FROM samples ORDER BY at DESC LIMIT 1").fetchone()
        if sample is None:
            return {"state": "unwatched"}
        asked = db.execute("SELECT outcome, ttft_s FROM probes WHERE at > ?", (now - WINDOW_SECONDS,)).fetchall()
        right = db.execute("SELECT accuracy FROM probes WHERE accuracy IS NOT NULL ORDER BY at DESC LIMIT 1").fetchone()
    times = sorted(one["ttft_s"] for one in asked if one["ttft_s"] is not None)
    silent = now - sample["at"] > SILENT_SECONDS
    return {
        "state": "unwatched" if silent else "up" if sample["up"] else "down",
        "at": sample["at"],
        "running": sample["running"],
        "waiting": sample["waiting"],
        "generated_per_s": sample["generated_per_s"],
        "rss": sample["rss"],
        "accuracy": right["accuracy"] if right else None,
        "ttft_s": times[len(times) // 2] if times else None,
        "failed": sum(one["outcome"] == "failed" for one in asked),
    }


def alerts(name: str) -> list[dict[str, Any]]:
    """What Alertmanager holds on the host that runs it."""
    place = UNITS + "/llmdeploy-" + name + "-alertmanager.service"
    if not os.path.exists(place):
        return []
    with open(place, encoding="utf-8") as file:
        words = file.read().split()
    address = next((word.split("=", 1)[1] for word in words if word.startswith("--web.listen-address=")), "")
    try:
        with urllib.request.urlopen("http://" + address + "/api/v2/alerts?active=true", timeout=SECONDS) as answer:
            found = json.load(answer)
    except OSError as error:
        return [{"name": "AlertmanagerSilent", "severity": "critical", "summary": str(error), "host": "", "since": ""}]
    return [
        {
            "name": one["labels"].get("alertname", ""),
            "severity": one["labels"].get("severity", ""),
            "host": one["labels"].get("host", ""),
            "summary": one["annotations"].get("summary", ""),
            "since": one["startsAt"],
        }
        for one in found
    ]


if __name__ == "__main__":
    wanted = sys.argv[1]
    said = {"units": units(wanted), "alerts": alerts(wanted), "engines": engines(wanted, time.time())}
    json.dump(said, sys.stdout)
