"""Undoes what roles put on a host. What it does is what it says in check mode, by the same code."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

from . import images, observed, purge
from .receipt_book import KINDS

TREES = ("/etc/llmdeploy", "/var/lib/llmdeploy", "/opt/llmdeploy", "/var/log/llmdeploy", "/var/cache/llmdeploy")
# What has to read its configuration again when a drop-in of ours is gone.
READERS = {
    "/etc/ssh/": ("reload-or-restart", "ssh.service"),
    "/etc/systemd/journald.conf.d/": ("restart", "systemd-journald.service"),
    "/etc/systemd/timesyncd.conf.d/": ("try-restart", "systemd-timesyncd.service"),
}


def allowed(path):
    """Whether a path is one that llmdeploy may delete, links resolved: by its tree, its name, or as a mask."""
    if os.path.normpath(path) != path or not path.startswith("/"):
        return False
    parent, name = os.path.split(path)
    path = os.path.join(os.path.realpath(parent), name)
    if any(path == tree or path.startswith(tree + "/") for tree in TREES):
        return True
    if path.startswith("/etc/systemd/system/") and os.path.islink(path) and os.readlink(path) == os.devnull:
        return True
    if path.startswith("/run/llmdeploy-"):
        return True
    return path.startswith("/etc/") and "llmdeploy" in name


class Removal:
    """One removal: what goes, what stays and why."""

    def __init__(self, book, check, staying):
        self.book = book
        self.in_use = {*staying["files"], *staying["folders"], *book.paths_of_others()}
        self.check = check
        self.removed = {kind: [] for kind in (*KINDS, "sysctl", "images")}
        self.left = {}

    def keep(self, thing, why):
        """Note what stays."""
        self.left[thing] = why

    def units(self, names, before):
        """Stop and disable our units; a unit that was there before us goes back to how it was (see `restore`)."""
        states = observed.units(sorted(set(names) - self.book.claimed("units")))
        ours = [name for name, state in states.items() if state and not before.get(name)]
        if ours and not self.check:
            observed.run("systemctl", "disable", "--now", "--quiet", "--", *ours)
            subprocess.run(["systemctl", "reset-failed", "--", *ours], capture_output=True)  # none has failed: fine
        self.removed["units"] += ours

    def paths(self, kind, paths, there):
        """Delete files or folders of ours."""
        for path in sorted(paths, reverse=True):
            if path in self.removed[kind] or not os.path.lexists(path):
                continue
            if any(other == path or other.startswith(path + "/") for other in self.in_use):
                self.keep(path, "another role or deployment uses it")
            elif there.get(path):
                self.keep(path, "it was there before llmdeploy")
            elif not allowed(path):
                self.keep(path, "it is not in a place that llmdeploy may delete")
            elif self.delete(path):
                self.removed[kind].append(path)

    def delete(self, path):
        """Whether a path is gone."""
        if self.check:
            return True
        try:
            if os.path.isdir(path) and not os.path.islink(path):
                shutil.rmtree(path)
            else:
                os.unlink(path)
        except OSError as error:
            self.keep(path, f"{error.strerror}: {error.filename}")
            return False
        self.prune(Path(path).parent)
        return True

    def prune(self, folder):
        """Delete folders that held nothing but ours."""
        while allowed(str(folder)) or (str(folder).startswith("/etc/systemd/system/") and folder.suffix == ".d"):
            try:
                folder.rmdir()
            except OSError:
                return  # something else lies in it, or it is gone
            folder = folder.parent

    def reload(self):
        """Let systemd and the owners of drop-ins read again what is left."""
        if self.check:
            return
        if any(path.startswith("/etc/systemd/system") for path in self.removed["files"]):
            observed.run("systemctl", "daemon-reload")
        for prefix, (verb, unit) in READERS.items():
            if any(path.startswith(prefix) for path in self.removed["files"]):
                observed.run("systemctl", verb, "--", unit)

    def settings(self, before):
        """Set kernel settings back that a file of ours, now gone, had changed."""
        claimed = {key for part in self.book.inherited("sysctl") for key in part}
        for key, value in sorted(before.items(), key=lambda item: ("/conf/all/" not in item[0], item)):
            path = observed.SYSCTL / key
            if key in claimed or not path.exists() or path.read_text("utf-8").rstrip("\n") == value:
                continue
            try:
                if not self.check:
                    path.write_text(value, "utf-8")
                self.removed["sysctl"].append(key)
            except OSError as error:
                self.keep(f"kernel setting {key}", str(error.strerror))

    def images(self, deployment):
        """Remove the container images that were brought and that no other deployment wants."""
        goes = images.unwanted(images.ROOT, deployment, ())
        left = {} if self.check or not goes else images.remove(images.ROOT, goes)
        for name, why in left.items():
            self.keep(f"image {name}", why)
        self.removed["images"] += [name for name in goes if name not in left]

    def packages(self, brought):
        """Purge the packages that we brought, and only them; marks go back to automatic."""
        claimed = self.book.claimed("packages") | {name for part in self.book.inherited("packages") for name in part}
        goes, stays = purge.plan(set(brought.get("packages", ())) - claimed)
        for package, why in stays.items():
            self.keep(f"package {package}", why)
        if not self.check:
            if "podman" in goes and (why := images.clear_storage()):
                self.keep(images.STORAGE, why)
            purge.purge(goes)
            manual = set(brought.get("automatic", ())) & set(observed.packages()) - observed.marked_automatic()
            if manual:
                observed.run("apt-mark", "auto", "--", *sorted(manual))
        self.removed["packages"] += goes

    def restore(self, before):
        """Put units that were there before us back to how they were."""
        if self.check:
            return
        now = observed.units(sorted(name for name, state in before.items() if state))
        for name, state in now.items():
            if not state or name in self.book.claimed("units"):
                continue
            (at_boot, activity), (was_at_boot, was) = state, before[name]
            if at_boot != was_at_boot and was_at_boot in ("enabled", "disabled"):
                observed.run("systemctl", "enable" if was_at_boot == "enabled" else "disable", "--quiet", "--", name)
            if activity != was and was in ("active", "inactive"):
                observed.run("systemctl", "start" if was == "active" else "stop", "--", name)

    def accounts(self, brought):
        """Delete users and groups that we made, and those that packages made which are gone."""
        for kind, command, now in (("users", "userdel", observed.users), ("groups", "groupdel", observed.groups)):
            for name in sorted((set(brought.get(kind, ())) & now()) - self.book.claimed(kind)):
                if self.check:
                    self.removed[kind].append(name)
                    continue
                done = subprocess.run([command, "--", name], capture_output=True, text=True)
                if done.returncode == 0 or name not in now():
                    self.removed[kind].append(name)
                else:
                    self.keep(f"{kind[:-1]} {name}", done.stderr.strip())
