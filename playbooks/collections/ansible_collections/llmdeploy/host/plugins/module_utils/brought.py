"""What runs brought to a host: told from what was there before the run, and from what other deployments brought."""

from __future__ import annotations

from fnmatch import fnmatch

from . import observed
from .receipt_book import total


def snapshot(book, roles):
    """What is there before a run; what an earlier run that did not complete has written down stays as it was."""
    now = dict(book.before)
    if not now:
        now = {
            "packages": sorted(observed.packages()),
            "automatic": sorted(observed.marked_automatic()),
            "users": sorted(observed.users()),
            "groups": sorted(observed.groups()),
            "sysctl": observed.kernel_settings(),
        }
    wanted = total({**book.recorded(), **roles})
    known = total(book.recorded())
    there, states = dict(now.get("there", {})), dict(now.get("units", {}))
    for kind in ("files", "folders"):
        for path in set(wanted[kind]) - set(known[kind]) - set(there):
            there[path] = path not in book.claimed(kind) and observed.file(path) is not None
    fresh = sorted(set(wanted["units"]) - set(known["units"]) - set(states) - book.claimed("units"))
    states.update(observed.units(fresh))
    return {**now, "there": there, "units": states, "roles": {**book.before.get("roles", {}), **roles}}


def since(book, roles):
    """All that runs of this deployment brought until now, as the receipt keeps it."""
    old, before = book.receipt.get("brought", {}), book.before
    wanted, installed = total(roles), observed.packages()
    closure = needed(wanted["packages"], installed)
    fresh = set(installed) - set(before["packages"]) if before else set()
    packages = set(old.get("packages", ())) | ((fresh | listed(book, "packages")) & closure)
    automatic = set(before.get("automatic", ())) - observed.marked_automatic() - packages
    return {
        "packages": sorted(packages & set(installed)),
        "automatic": sorted((set(old.get("automatic", ())) | listed(book, "automatic") | automatic) & set(installed)),
        "users": accounts(book, "users", wanted, observed.system_users(), observed.users()),
        "groups": accounts(book, "groups", wanted, observed.system_groups(), observed.groups()),
        "there": {
            **before.get("there", {}),
            **merged(book, "there", {*wanted["files"], *wanted["folders"]}),
            **old.get("there", {}),
        },
        "units": {**before.get("units", {}), **merged(book, "units", wanted["units"]), **old.get("units", {})},
        "sysctl": settings(book, wanted["files"]),
    }


def needed(names, installed):
    """The packages of these names and all that came for them, as far as they are installed."""
    providers = {}
    for package, facts in installed.items():
        for name in facts["is"]:
            providers.setdefault(name, set()).add(package)
    found, todo = set(), list(names)
    while todo:
        for package in providers.get(todo.pop(), set()) - found:
            found.add(package)
            todo += installed[package]["needs"] | installed[package]["likes"]
    return found


def accounts(book, kind, wanted, system, now):
    """Users or groups that are new: those that a role lists, and the system's own that came with packages."""
    old = set(book.receipt.get("brought", {}).get(kind, ()))
    fresh = now - set(book.before[kind]) if book.before else set()
    return sorted((old | listed(book, kind) | (fresh & (system | set(wanted[kind])))) & now)


def settings(book, files):
    """Kernel setting -> its value before us, for those that our files set."""
    ours = set()
    for path in files:
        if path.startswith("/etc/sysctl.d/"):
            ours |= observed.settings_in(path)
    before = book.before.get("sysctl", {})
    parts = [before, *book.inherited("sysctl")]
    found = {key: value for part in parts for key, value in part.items() if any(fnmatch(key, one) for one in ours)}
    return {**found, **book.receipt.get("brought", {}).get("sysctl", {})}


def listed(book, name):
    """A part of what the other deployments brought: it goes with the last deployment, whichever that is."""
    return {entry for part in book.inherited(name) for entry in part}


def merged(book, name, keys):
    """The same for a part that is a dict, for the keys that this deployment has to do with."""
    return {key: value for part in book.inherited(name) for key, value in part.items() if key in keys}
