"""Takes packages away again: only those that runs brought, and only where nothing else goes with them."""

from __future__ import annotations

import subprocess
from pathlib import Path

from . import observed

ARCHIVES = Path("/var/cache/apt/archives")
# What a package makes by itself when it is installed, and its purge leaves; folders only where they are empty.
FORGOTTEN = {"nginx-common": ("/var/www/html/index.nginx-debian.html", "/var/www/html", "/var/www")}
APT = ("apt-get", "--quiet=2", "-o", "APT::Get::AutomaticRemove=false", "-o", "DPkg::Lock::Timeout=120")


def plan(candidates):
    """(packages to purge, {package: why it stays})."""
    installed = observed.packages()
    ours = set(candidates) & set(installed)
    stays = {}
    for package in sorted(ours & depended_on(installed, ours)):
        stays[package] = "another package needs it"
    ours -= set(stays)
    if not ours:
        return [], stays
    try:
        goes = simulated(ours)
    except subprocess.CalledProcessError as error:
        return [], {**stays, **dict.fromkeys(sorted(ours), f"apt refuses: {error.stderr.strip()[-200:]}")}
    if more := goes - {package.split(":")[0] for package in ours}:
        why = f"apt would remove {', '.join(sorted(more))} too"
        return [], {**stays, **dict.fromkeys(sorted(ours), why)}
    return sorted(ours), stays


def depended_on(installed, ours):
    """What packages that stay need, directly or through others."""
    providers = {}
    for package, facts in installed.items():
        for name in facts["is"]:
            providers.setdefault(name, set()).add(package)
    found, todo = set(), [package for package in installed if package not in ours]
    while todo:
        for name in installed[todo.pop()]["needs"]:
            for package in (providers.get(name, set()) & ours) - found:
                found.add(package)
                todo.append(package)
    return found


def simulated(packages):
    """What apt would remove if it purged these."""
    lines = observed.run(*APT, "--simulate", "purge", "--", *sorted(packages)).splitlines()
    return {line.split()[1].split(":")[0] for line in lines if line.startswith(("Purg ", "Remv "))}


def purge(packages):
    """Do it; their daemons, what apt fetched for them and what their own scripts forget go too."""
    if not packages:
        return
    if units := observed.units_of(packages):
        observed.run("systemctl", "stop", "--", *units)
    observed.run(*APT, "--yes", "purge", "--", *packages)
    for path in (Path(path) for package in packages for path in FORGOTTEN.get(package, ())):
        if path.is_dir() and not any(path.iterdir()):
            path.rmdir()
        elif path.is_file():
            path.unlink()
    for package in packages:
        for archive in ARCHIVES.glob(f"{package.split(':')[0]}_*.deb"):
            archive.unlink()
