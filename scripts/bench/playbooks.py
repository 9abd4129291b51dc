"""Playbooks on real hosts: as llmdeploy runs them against the same roles run with Ansible's default settings, from bare
hosts and with nothing to do; and how the time grows with the number of hosts.

As root on Debian: .venv/bin/python scripts/bench/playbooks.py [--hosts 3] [--sizes 1 3 10]

All hosts share the processors of one machine. With TH_CPU=10 each has a tenth of a core of its own, and never waits for
another: so hosts of a fixed speed behave, however many there are. `--sizes-only` leaves out Ansible's defaults.
"""

from __future__ import annotations

import argparse
import io
import json
import os
import resource
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
    parser.add_argument("--sizes-only", action="store_true")
    asked = parser.parse_args()
    found: dict[str, Any] = {}
    with fleet(max([asked.hosts, *asked.sizes])) as hosts:
        if not asked.sizes_only:
            found = against_defaults(hosts, asked.hosts)
        sizes = {size: two_runs(hosts, size) for size in asked.sizes}
    sys.stdout.write(json.dumps({**found, "by number of hosts": sizes, "growth": growth(sizes)}, indent=1) + "\n")


def against_defaults(hosts: Fleet, number: int) -> dict[str, Any]:
    with defaults():
        found = {"default settings": two_runs(hosts, number)}
    found["llmdeploy"] = two_runs(hosts, number)
    return {**found, **{f"ratio, {run}": ratio(found, run) for run in ("bare", "nothing to do")}}


def growth(sizes: Mapping[int, Mapping[str, Any]]) -> dict[str, dict[int, float]]:
    """What each further host adds, as a share of what the first one takes: 1 is linear."""
    (least, first), *rest = sorted(sizes.items())
    return {
        run: {size: round((one[run]["up"] / first[run]["up"] - 1) / (size / least - 1), 3) for size, one in rest}
        for run in first
    }


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
        return {run: up(folder, hosts, number) for run in ("bare", "nothing to do")}


def write(folder: Path, hosts: Fleet, number: int) -> None:
    reach = {"user": "ops", "identity": str(hosts.key), "known_hosts": str(hosts.known_hosts)}
    listed = [{"name": host.name, "address": host.address} for host in hosts.hosts[:number]]
    (folder / "hosts.yaml").write_text(json.dumps({"ssh": reach, "hosts": listed}))
    spec = {"target": "onprem", "hosts": {"inventory": "hosts.yaml"}, "access": {"port": 443}}
    (folder / "llmdeploy.yaml").write_text(json.dumps({**spec, "test": {"load": {"duration": "300ms"}}}))


def up(folder: Path, hosts: Fleet, number: int) -> dict[str, Any]:
    out, err = io.StringIO(), io.StringIO()
    begun, used = time.monotonic(), processor_seconds(hosts, number)
    code = program(["up", "-y", "--json"], Environment(io.StringIO(), out, err, folder, os.environ))
    seconds = time.monotonic() - begun
    if code:
        sys.exit(err.getvalue())
    steps = {one["step"]: one for one in json.loads(out.getvalue())["reports"]}
    entries = {step: {one["name"]: one for one in steps[step]["entries"]} for step in PLAYBOOKS}
    playbooks = {step: entries[step][entry]["seconds"] for step, entry in PLAYBOOKS.items()}
    changed = {step: sum(one["changed"] for one in steps[step]["data"]["hosts"].values()) for step in PLAYBOOKS}
    sent = sum(steps[step]["data"].get("sent_bytes", 0) for step in ("setup", "deploy"))
    shares = {side: round(now - used[side], 1) for side, now in processor_seconds(hosts, number).items()}
    return {
        "up": round(seconds, 2),
        "processor seconds": shares,
        "playbooks": playbooks,
        "changed": changed,
        "sent bytes": sent,
    }


def processor_seconds(hosts: Fleet, number: int) -> dict[str, float]:
    """Of this process with all that it started and has ended, and of the hosts together."""
    usages = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    own = sum(usage.ru_utime + usage.ru_stime for usage in usages)
    return {"here": own, "hosts": sum(hosts.processor_seconds(name) for name in hosts.names[:number])}


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
