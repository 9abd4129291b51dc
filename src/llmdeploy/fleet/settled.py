"""Whether there is anything to do on the hosts: their receipts, asked for by SSH, without starting Ansible.

The steps of one run ask once: what the hosts told stands in the state folder with the run's id, until a playbook runs.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from llmdeploy.adapters.ssh import Answer, run_everywhere
from llmdeploy.fleet.gather import reach_of
from llmdeploy.fleet.host import Host
from llmdeploy.state import write_private

TOLD = "told.json"
MODULES = ("observed", "receipt_book", "settled")
FOLDER = "collections/ansible_collections/llmdeploy/host/plugins/module_utils"
PLAYBOOK_ROLES = {
    "setup": ("hardening", "gpu_driver", "gateway", "model_store", "engine_runtime"),
    "deploy": ("model_store", "engine"),
    "pull": ("pull_agent",),
    "monitor": ("metrics",),
}
Receipts = dict[str, Any]
"""Role -> {fingerprint, reasons}: why it is not as its receipt has it, empty where it is."""
LOADER = """
import json, sys, types
package = types.ModuleType("receipts")
package.__path__ = []
sys.modules["receipts"] = package
for name, source in {sources}.items():
    module = types.ModuleType("receipts." + name)
    module.__package__ = "receipts"
    sys.modules[module.__name__] = module
    setattr(package, name, module)
    exec(compile(source, name, "exec"), module.__dict__)
json.dump(sys.modules["receipts.settled"].told(sys.argv[1]), sys.stdout)
"""


def all_settled(
    playbook: str, inventory: Mapping[str, Any], told: Callable[[Collection[str]], Mapping[str, Receipts]]
) -> bool:
    """Whether each role of a playbook is as planned on each host that the inventory has for it.

    A host that does not answer, or has no receipt, is not settled: the playbook finds out more.
    """
    wanted = _wanted(playbook, inventory)
    receipts = told(wanted) if wanted else {}
    return bool(wanted) and all(
        mark and receipts.get(host, {}).get(role) == {"fingerprint": mark, "reasons": []}
        for host, marks in wanted.items()
        for role, mark in marks.items()
    )


@dataclass(frozen=True)
class Asking:
    """Asks the hosts of a deployment for their receipts, once a run. `path` keeps what they told."""

    hosts: Mapping[str, Host]
    name: str
    playbooks: Path
    path: Path
    run: str

    def told(self, names: Collection[str]) -> Mapping[str, Receipts]:
        """The receipts of these hosts; one that does not answer is left out."""
        known = self._known()
        if known is None or not set(names) <= set(known):
            known = self._asked(names)
            write_private(self.path, json.dumps({"run": self.run, "hosts": known}))
        return known

    def _known(self) -> dict[str, Receipts] | None:
        """What was told in this run, if anything."""
        try:
            kept = json.loads(self.path.read_text(encoding="utf-8"))
        except FileNotFoundError:
            return None
        found: dict[str, Receipts] = kept["hosts"]
        return found if self.run and kept["run"] == self.run else None

    def _asked(self, names: Collection[str]) -> dict[str, Receipts]:
        answers = run_everywhere([reach_of(self.hosts[name]) for name in names], script(self.playbooks), self.name)
        read = {name: _read(answer) for name, answer in answers.items()}
        return {name: receipts for name, receipts in read.items() if receipts is not None}


def _read(answer: Answer) -> Receipts | None:
    """None where there is no answer, or one that is no JSON: a shell that prints at login."""
    try:
        found: Receipts | None = None if answer.problem else json.loads(answer.output)
    except ValueError:
        return None
    return found


def forget(state: Path) -> None:
    """What the hosts told is old from the moment that a playbook starts."""
    (state / TOLD).unlink(missing_ok=True)


def script(playbooks: Path) -> str:
    """The modules that the playbooks' own comparison uses, as one script."""
    sources = {name: (playbooks / FOLDER / f"{name}.py").read_text(encoding="utf-8") for name in MODULES}
    return LOADER.replace("{sources}", repr(sources))


def _wanted(playbook: str, inventory: Mapping[str, Any]) -> dict[str, dict[str, str]]:
    """Fingerprints by host and role; `deploy` and `pull` are for engines alone."""
    every = inventory["all"]
    chosen = every["children"]["engines"]["hosts"] if playbook in ("deploy", "pull") else every["hosts"]
    return {
        host: {role: every["hosts"][host]["llmdeploy_fingerprints"].get(role, "") for role in PLAYBOOK_ROLES[playbook]}
        for host in chosen
    }
