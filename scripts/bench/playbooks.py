"""Playbooks on real hosts: as llmdeploy runs them against the same roles run with Ansible's default settings, from bare
hosts and with nothing to do; and how the time grows with the number of hosts.

As root on Debian: .venv/bin/python scripts/bench/playbooks.py [--hosts 3] [--sizes 1 3 10]
"""

from __future__ import annotations

import argparse
import io
import json
import os
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from unittest import mock

sys.path.insert(0, str(Path(__file__).parents[2]))

from tests.hosts.fleet import Fleet, fleet

from llmdeploy.adapters.ansible import playbook
from llmdeploy.cli.main import program
from llmdeploy.environment import Environment

PLAYBOOKS = {"setup": "hosts", "deploy": "engines", "monitor": "metrics"}


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--hosts", type=int, default=3)
    parser.add_argument("--sizes", type=int, nargs="*", default=[1, 3, 10])
    asked = parser.parse_args()
    found: dict[str, Any] = {}
    with fleet(max([asked.hosts, *asked.sizes])) as hosts:
        with defaults():
            found["default settings"] = two_runs(hosts, asked.hosts)
        found["llmdeploy"] = two_runs(hosts, asked.hosts)
        found["ratio, bare hosts"] = ratio(found, "bare")
        found["ratio, nothing to do"] = ratio(found, "nothing to do")
        found["by number of hosts"] = {
            size: found["llmdeploy"] if size == asked.hosts else two_runs(hosts, size) for size in asked.sizes
        }
    sys.stdout.write(json.dumps(found, indent=1) + "\n")


def ratio(found: Mapping[str, Any], run: str) -> float:
    ours, theirs = (found[name][run]["playbooks"] for name in ("llmdeploy", "default settings"))
    share: float = sum(ours.values()) / sum(theirs.values())
    return round(share, 3)


def two_runs(hosts: Fleet, number: int) -> dict[str, Any]:
    """Seconds of `up` on bare hosts, and of the next one that has nothing to do."""
    for name in hosts.names[:number]:
        hosts.reset(name)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write(folder, hosts, number)
        return {"bare": up(folder), "nothing to do": up(folder)}


def write(folder: Path, hosts: Fleet, number: int) -> None:
    reach = {"user": "ops", "identity": str(hosts.key), "known_hosts": str(hosts.known_hosts)}
    listed = [{"name": host.name, "address": host.address} for host in hosts.hosts[:number]]
    (folder / "hosts.yaml").write_text(json.dumps({"ssh": reach, "hosts": listed}))
    spec = {"target": "onprem", "hosts": {"inventory": "hosts.yaml"}, "access": {"port": 443}}
    (folder / "llmdeploy.yaml").write_text(json.dumps({**spec, "test": {"load": {"duration": "300ms"}}}))


def up(folder: Path) -> dict[str, Any]:
    out, err = io.StringIO(), io.StringIO()
    begun = time.monotonic()
    code = program(["up", "-y", "--json"], Environment(io.StringIO(), out, err, folder, os.environ))
    seconds = time.monotonic() - begun
    if code:
        sys.exit(err.getvalue())
    steps = {one["step"]: one for one in json.loads(out.getvalue())["reports"]}
    entries = {step: {one["name"]: one for one in steps[step]["entries"]} for step in PLAYBOOKS}
    playbooks = {step: entries[step][entry]["seconds"] for step, entry in PLAYBOOKS.items()}
    changed = {step: sum(one["changed"] for one in steps[step]["data"]["hosts"].values()) for step in PLAYBOOKS}
    sent = sum(steps[step]["data"].get("sent_bytes", 0) for step in ("setup", "deploy"))
    return {"up": round(seconds, 1), "playbooks": playbooks, "changed": changed, "sent bytes": sent}


@contextmanager
def defaults() -> Iterator[None]:
    """Only the places of roles and modules are set: strategy, forks, pipelining and connection are Ansible's own."""
    ours = playbook._environment

    def plain(play: playbook.Playbook, world: Mapping[str, str]) -> dict[str, str]:
        kept = {"PATH", "HOME", "LANG", "ANSIBLE_CONFIG", "ANSIBLE_COLLECTIONS_PATH", "ANSIBLE_ROLES_PATH"}
        kept |= {"ANSIBLE_LOCAL_TEMP", "ANSIBLE_NOCOLOR"}
        return {key: value for key, value in ours(play, world).items() if key in kept}

    with mock.patch.object(playbook, "_environment", plain):
        yield


if __name__ == "__main__":
    main()
