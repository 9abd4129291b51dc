"""Whether what roles put on a host is as their receipt has it. Reads only."""

from __future__ import annotations

from . import observed
from .receipt_book import Book, total


def told(deployment):
    """Of each role in the receipt of a deployment: its fingerprint, and what is not as it was recorded."""
    receipts = Book(deployment).receipt.get("roles", {})
    now = Now(receipts)
    return {
        name: {"fingerprint": receipt["fingerprint"], "reasons": now.reasons(receipt, receipt)}
        for name, receipt in receipts.items()
    }


class Now:
    """What some roles put on the host, as it is now: asked once, for all of them."""

    def __init__(self, roles):
        everything = total({name: role["manages"] for name, role in roles.items()})
        self.units = observed.units(everything["units"])
        self.packages = {name for facts in observed.packages().values() for name in facts["is"]}
        self.accounts = {"users": observed.users(), "groups": observed.groups()}

    def record(self, role):
        """The receipt of one role."""
        manages = role["manages"]
        return {
            "fingerprint": role.get("fingerprint", ""),
            "manages": total({"": manages}),
            "files": {path: observed.file(path) for path in manages.get("files", ())},
            "units": {name: self.units[name] for name in manages.get("units", ())},
        }

    def reasons(self, role, receipt):
        """Why a role is not settled; empty where it is."""
        if not receipt:
            return ["it was not set up here yet"]
        if not role.get("fingerprint") or role["fingerprint"] != receipt["fingerprint"]:
            return ["its inputs changed"]
        found = [*self.missing(role["manages"])]
        now = self.record(role)
        for path, was in receipt["files"].items():
            if now["files"].get(path) != was or was is None:
                found.append(differs(path, was, now["files"].get(path)))
        for unit, was in receipt["units"].items():
            state = now["units"].get(unit)
            if state is None or state != was or "failed" in state:
                found.append(f"{unit} is {' and '.join(state) if state else 'missing'}")
        return found

    def missing(self, manages):
        """What should be there at all and is not."""
        for path in manages.get("folders", ()):
            if observed.file(path) is None:
                yield f"{path} is missing"
        for name in manages.get("packages", ()):
            if name.split("=")[0] not in self.packages:
                yield f"package {name} is missing"
        for kind, there in self.accounts.items():
            for name in manages.get(kind, ()):
                if name not in there:
                    yield f"{kind[:-1]} {name} is missing"


def differs(path, was, now):
    """How a file is not as the receipt has it."""
    if was is None:
        return f"{path} was not there at the end of the last run"
    if now is None:
        return f"{path} is missing"
    parts = {"content" if key == "sha256" else key for key in {**was, **now} if was.get(key) != now.get(key)}
    return f"{path} differs in {', '.join(sorted(parts))}"
