"""Container images that were brought to this host, and which deployments want them. podman keeps them, with those of
others; what was there before is not ours to remove."""

from __future__ import annotations

import json
import os
import shutil
import subprocess

from .wanted import wanted_by_all, write_atomically

ROOT = "/opt/llmdeploy/images"
STORAGE = "/var/lib/containers"
NETWORKS = ("/var/lib/cni/networks", "/var/lib/cni")  # other programs may have networks there


def podman(*words):
    """A call of podman, whatever comes of it."""
    return subprocess.run(["podman", *words], stdin=subprocess.DEVNULL, capture_output=True, text=True)


def there(name):
    """Whether podman has an image of that name."""
    return shutil.which("podman") is not None and podman("image", "exists", name).returncode == 0


def brought(root):
    """Images that were not there before."""
    try:
        with open(os.path.join(root, "brought.json"), encoding="utf-8") as handle:
            return json.load(handle)
    except FileNotFoundError:
        return []


def note_brought(root, names):
    """Write the list; before the first byte is fetched, so that a run that is cut off leaves nothing unknown."""
    os.makedirs(root, mode=0o755, exist_ok=True)
    write_atomically(os.path.join(root, "brought.json"), json.dumps(sorted(set(names))) + "\n", 0o644)


def unwanted(root, deployment, names):
    """Images that were brought and that no deployment of this host wants, this one being content with `names`."""
    return sorted(set(brought(root)) - wanted_by_all(root, deployment, names))


def remove(root, names):
    """Remove images; returns those that stay, with the reason. One that a container uses is never forced out."""
    stay = {}
    for name in names:
        if there(name):
            done = podman("image", "rm", name)
            if done.returncode:
                stay[name] = (done.stderr.strip().splitlines() or ["podman gives no reason"])[-1]
    note_brought(root, set(brought(root)) - (set(names) - set(stay)))
    return stay


def clear_storage():
    """Before podman itself goes: what it keeps for itself. Returns why it stays, which is that it has something of
    others; empty where it went."""
    for words in (("images", "--all"), ("ps", "--all", "--external"), ("volume", "ls"), ("secret", "ls")):
        done = podman(*words, "--quiet")
        if done.returncode or done.stdout.strip():
            return done.stderr.strip() if done.returncode else "it holds what others keep in podman"
    # Not by `podman system reset`, which makes new folders in root's home. One of these is mounted over itself.
    subprocess.run(["umount", "--quiet", os.path.join(STORAGE, "storage/overlay")], capture_output=True)
    shutil.rmtree(STORAGE, ignore_errors=True)  # what is a mount itself stays, empty
    for folder in NETWORKS:
        if os.path.isdir(folder) and not os.listdir(folder):
            os.rmdir(folder)
    return "it could not be deleted" if os.path.isdir(STORAGE) and os.listdir(STORAGE) else ""
