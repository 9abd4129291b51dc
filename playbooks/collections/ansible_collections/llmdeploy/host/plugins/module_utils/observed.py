"""What is on the host now: files, units, packages, accounts, kernel settings. Reads only."""

from __future__ import annotations

import grp
import hashlib
import os
import pwd
import stat
import subprocess
from pathlib import Path

SYSCTL = Path("/proc/sys")
EXTENDED_STATES = Path("/var/lib/apt/extended_states")


def run(*command):
    """A command's output; raises where it fails."""
    environ = {**os.environ, "LC_ALL": "C", "DEBIAN_FRONTEND": "noninteractive"}
    return subprocess.run(command, env=environ, capture_output=True, text=True, check=True).stdout


def file(path):
    """Digest, owner, group and mode of a file; the aim of a link; None where nothing is."""
    try:
        found = os.lstat(path)
    except (FileNotFoundError, NotADirectoryError):
        return None
    if stat.S_ISLNK(found.st_mode):
        return {"link": os.readlink(path)}
    told = {"owner": owner(found.st_uid), "group": group(found.st_gid), "mode": f"{stat.S_IMODE(found.st_mode):04o}"}
    if stat.S_ISREG(found.st_mode):
        told["sha256"] = digest(path)
    return told


def digest(path):
    """SHA-256 of a file's content."""
    sha256 = hashlib.sha256()
    with open(path, "rb") as stream:
        for block in iter(lambda: stream.read(1 << 20), b""):
            sha256.update(block)
    return sha256.hexdigest()


def owner(number):
    """A user's name, or the number where it has none."""
    try:
        return pwd.getpwuid(number).pw_name
    except KeyError:
        return str(number)


def group(number):
    """A group's name, or the number where it has none."""
    try:
        return grp.getgrgid(number).gr_name
    except KeyError:
        return str(number)


def units(names):
    """Unit -> (start at boot, now), as systemd says; None where there is no such unit."""
    if not names:
        return {}
    wanted = "--property=Id,LoadState,ActiveState,SubState,UnitFileState"
    blocks = run("systemctl", "show", wanted, "--", *names).strip().split("\n\n")
    found = {}
    for name, block in zip(names, blocks):
        told = dict(line.split("=", 1) for line in block.splitlines())
        exists = told["LoadState"] != "not-found" or told["ActiveState"] == "active"
        found[name] = [told["UnitFileState"], activity(told)] if exists else None
    return found


def activity(told):
    """One word: a unit between two states counts as where it goes, one that waits for its next try as failed."""
    if told["SubState"] == "auto-restart":
        return "failed"
    return {"activating": "active", "reloading": "active", "deactivating": "inactive"}.get(
        told["ActiveState"], told["ActiveState"]
    )


def packages():
    """Package -> what it needs (lists of names: depends, recommends) and what it stands for."""
    fields = ("binary:Package", "db:Status-Status", "Depends", "Pre-Depends", "Recommends", "Provides")
    lines = run("dpkg-query", "--show", "--showformat", "\\t".join(f"${{{field}}}" for field in fields) + "\\n")
    found = {}
    for line in lines.splitlines():
        name, state, depends, before, recommends, provides = line.split("\t")
        if state == "installed":
            found[name] = {
                "needs": names_in(depends) | names_in(before),
                "likes": names_in(recommends),
                "is": {name.split(":")[0]} | names_in(provides),
            }
    return found


def names_in(field):
    """The package names of a dependency field, alternatives among them."""
    parts = field.replace("|", ",").split(",")
    return {part.split("(")[0].strip().split(":")[0] for part in parts if part.strip()}


def marked_automatic():
    """Packages that apt would remove by itself once nothing needs them, with and without their architecture: dpkg names
    some this way, some that. `apt-mark showauto` says the same from this file, after it has read all of apt's lists."""
    try:
        paragraphs = EXTENDED_STATES.read_text("utf-8").split("\n\n")
    except FileNotFoundError:
        return set()
    found = set()
    for paragraph in paragraphs:
        fields = dict(line.split(": ", 1) for line in paragraph.splitlines() if ": " in line)
        if fields.get("Auto-Installed") == "1":
            found |= {fields["Package"], f"{fields['Package']}:{fields['Architecture']}"}
    return found


def units_of(packages):
    """The units that packages put on the host; templates have no state of their own."""
    if not packages:
        return []
    lines = run("dpkg-query", "--listfiles", *packages).splitlines()
    names = {os.path.basename(line) for line in lines if "/systemd/system/" in line}
    return sorted(name for name in names if name.endswith((".service", ".socket", ".timer")) and "@." not in name)


def system_users():
    """Names of users that are no person's."""
    return {user.pw_name for user in pwd.getpwall() if user.pw_uid < 1000}


def system_groups():
    """Names of groups that are no person's."""
    return {found.gr_name for found in grp.getgrall() if found.gr_gid < 1000}


def users():
    """All names of users."""
    return {user.pw_name for user in pwd.getpwall()}


def groups():
    """All names of groups."""
    return {found.gr_name for found in grp.getgrall()}


def kernel_settings():
    """Every kernel setting that root may write, by its file below /proc/sys; for whoever sets some of them."""
    found = {}
    for area in ("kernel", "vm", "fs", "net"):
        for path in (SYSCTL / area).rglob("*"):
            try:
                if path.is_file() and os.access(path, os.R_OK) and path.stat().st_mode & stat.S_IWUSR:
                    found[str(path.relative_to(SYSCTL))] = path.read_text("utf-8").rstrip("\n")
            except (OSError, UnicodeDecodeError):
                continue  # write-only in truth, or gone with its interface: nobody can have read it to change it
    return found


def settings_in(path):
    """Patterns of the kernel settings that a sysctl.d file sets; one for all network devices sets each of them."""
    try:
        lines = Path(path).read_text("utf-8").splitlines()
    except FileNotFoundError:
        return set()
    keys = {line.split("=")[0].strip().lstrip("-") for line in lines if "=" in line and line.strip()[0] not in "#;"}
    paths = {key if "/" in key else key.replace(".", "/") for key in keys}
    return {path.replace("/conf/all/", "/conf/*/") for path in paths}
