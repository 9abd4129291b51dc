"""The receipts of a host: what each deployment's roles put there, and what was there before.

/var/lib/llmdeploy/<deployment>/receipts/ holds `before.json` from the start of a run until it completes, and
`receipt.json` from the first run that completed.
"""

from __future__ import annotations

import json
import os
from pathlib import Path

STATE = "/var/lib/llmdeploy"
KINDS = ("files", "folders", "units", "packages", "users", "groups")


def folder(deployment):
    """Where the receipts of a deployment lie."""
    return Path(STATE, deployment, "receipts")


def load(path):
    """A receipt as a dict; empty where there is none."""
    try:
        return json.loads(path.read_text("utf-8"))
    except FileNotFoundError:
        return {}


def save(path, content):
    """Write a receipt whole or not at all, readable by root alone: it holds hashes of secrets."""
    path.parent.parent.mkdir(mode=0o755, parents=True, exist_ok=True)
    path.parent.mkdir(mode=0o700, exist_ok=True)
    draft = path.with_suffix(".draft")
    with open(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as stream:
        json.dump(content, stream, indent=1, sort_keys=True)
        stream.flush()
        os.fsync(stream.fileno())
    draft.replace(path)


class Book:
    """The receipts of one deployment, and what the others on this host lay claim to."""

    def __init__(self, deployment):
        self.folder = folder(deployment)
        self.receipt = load(self.folder / "receipt.json")
        self.before = load(self.folder / "before.json")
        self.other_folders = [path for path in sorted(Path(STATE).glob("*/receipts")) if path != self.folder]
        files = [path / name for path in self.other_folders for name in ("receipt.json", "before.json")]
        self.others = [content for path in files if (content := load(path))]

    def recorded(self):
        """Role -> what it manages, from the receipt and from a run that did not complete."""
        roles = {name: role["manages"] for name, role in self.receipt.get("roles", {}).items()}
        for name, manages in self.before.get("roles", {}).items():
            roles[name] = union(roles.get(name, {}), manages)
        return roles

    def claimed(self, kind):
        """What the other deployments on this host manage or brought, of one kind."""
        found = set()
        for other in self.others:
            found |= set(other.get("brought", {}).get(kind, ()))
            for role in other.get("roles", {}).values():
                found |= set(role.get("manages", role).get(kind, ()))
        return found

    def paths_of_others(self):
        """What no removal may touch: paths of other deployments, their receipts among them."""
        return self.claimed("files") | self.claimed("folders") | {str(path) for path in self.other_folders}

    def inherited(self, name):
        """What the other deployments brought, of one part of `brought`: a dict or a list."""
        parts = [other.get("brought", {}).get(name) for other in self.others]
        return [part for part in parts if part]


def union(first, second):
    """Two `manages` in one."""
    return {kind: sorted({*first.get(kind, ()), *second.get(kind, ())}) for kind in KINDS}


def total(roles):
    """All that some roles manage."""
    found = {}
    for manages in roles.values():
        found = union(found, manages)
    return union(found, {})
