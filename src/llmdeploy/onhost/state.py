"""Prints how a deployment is on this host as one JSON document. Sent through SSH: nothing but Python's own library.

Arguments: the deployment's name, the port of the SSH server (unused). Run as root.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import urllib.request
from typing import Any

SHOWN = "Id,ActiveState,SubState,NRestarts,ActiveEnterTimestampMonotonic,UnitFileState"
SECONDS = 3.0


def units(name: str) -> list[dict[str, str]]:
    """Every unit of the deployment, with its state and how often systemd has restarted it."""
    folder = "/etc/systemd/system"
    mine = sorted(one for one in os.listdir(folder) if one.startswith("llmdeploy-" + name + "-"))
    if not mine:
        return []
    command = ["systemctl", "show", "--property", SHOWN, "--"] + mine
    said = subprocess.run(command, stdout=subprocess.PIPE, check=True).stdout.decode()
    blocks = [block for block in said.split("\n\n") if block.strip()]
    return [dict(line.split("=", 1) for line in block.strip().splitlines()) for block in blocks]


def alerts(name: str) -> list[dict[str, Any]]:
    """What Alertmanager holds on the host that runs it."""
    place = "/etc/systemd/system/llmdeploy-" + name + "-alertmanager.service"
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
    json.dump({"units": units(sys.argv[1]), "alerts": alerts(sys.argv[1])}, sys.stdout)
