"""Whether there is anything to do on the hosts: their receipts, asked for by SSH, without starting Ansible."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from llmdeploy.adapters.ssh import run_everywhere
from llmdeploy.fleet.gather import reach_of
from llmdeploy.fleet.host import Host

MODULES = ("observed", "receipt_book", "settled")
FOLDER = "collections/ansible_collections/llmdeploy/host/plugins/module_utils"
PLAYBOOK_ROLES = {
    "setup": ("hardening", "gpu_driver", "gateway", "model_store", "engine_runtime"),
    "deploy": ("model_store", "engine"),
    "monitor": ("metrics",),
}
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
    playbook: str, inventory: Mapping[str, Any], hosts: Mapping[str, Host], name: str, folder: Path
) -> bool:
    """Whether each role of a playbook is as planned on each host that the inventory has for it.

    A host that does not answer, or has no receipt, is not settled: the playbook finds out more.
    """
    wanted = _wanted(playbook, inventory)
    if not wanted:
        return False
    answers = run_everywhere([reach_of(hosts[host]) for host in wanted], script(folder), name)
    for host, marks in wanted.items():
        if answers[host].problem:
            return False
        found = json.loads(answers[host].output)
        if not all(mark and found.get(role) == {"fingerprint": mark, "reasons": []} for role, mark in marks.items()):
            return False
    return True


def script(playbooks: Path) -> str:
    """The modules that the playbooks' own comparison uses, as one script."""
    sources = {name: (playbooks / FOLDER / f"{name}.py").read_text(encoding="utf-8") for name in MODULES}
    return LOADER.replace("{sources}", repr(sources))


def _wanted(playbook: str, inventory: Mapping[str, Any]) -> dict[str, dict[str, str]]:
    """Fingerprints by host and role; `deploy` is for engines alone."""
    every = inventory["all"]
    chosen = every["children"]["engines"]["hosts"] if playbook == "deploy" else every["hosts"]
    return {
        host: {role: every["hosts"][host]["llmdeploy_fingerprints"].get(role, "") for role in PLAYBOOK_ROLES[playbook]}
        for host in chosen
    }
