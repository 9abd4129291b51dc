"""Which deployments of a host want which content-addressed folder, so that none removes another's."""

from __future__ import annotations

import glob
import json
import os
import shutil

FOLDER = ".wanted"
UNITS = ("/etc/systemd/system/llmdeploy-*.service", "/etc/containers/systemd/llmdeploy-*.container")


def write_atomically(path, text, mode):
    """A reader sees the old file or the new one, never a part."""
    new = "%s.new" % path
    with open(new, "w", encoding="utf-8") as handle:
        os.fchmod(handle.fileno(), mode)
        handle.write(text)
        handle.flush()
        os.fsync(handle.fileno())
    os.rename(new, path)


def wish(root, deployment, digests):
    """The text of the deployment's list, and whether the list on disk differs."""
    path = os.path.join(root, FOLDER, deployment)
    text = json.dumps(sorted(set(digests))) + "\n"
    try:
        with open(path, encoding="utf-8") as handle:
            return path, text, handle.read() != text
    except FileNotFoundError:
        return path, text, True


def note_wish(root, deployment, digests):
    """Write the deployment's list; returns whether it changed."""
    path, text, differs = wish(root, deployment, digests)
    if differs:
        os.makedirs(os.path.dirname(path), mode=0o700, exist_ok=True)
        write_atomically(path, text, 0o600)
    return differs


def wanted_by_all(root, deployment, digests):
    """What this deployment wants, and what the others on this host have noted."""
    wanted = set(digests)
    for other in _names(os.path.join(root, FOLDER)):
        if other != deployment and not other.endswith(".new"):
            with open(os.path.join(root, FOLDER, other), encoding="utf-8") as handle:
                wanted.update(json.load(handle))
    return wanted


def unwanted(root, deployment, digests, units=UNITS):
    """Folders of `root` that no deployment of this host wants, and that none of its units runs out of."""
    wanted = wanted_by_all(root, deployment, digests)
    names = [name for name in _names(root) if not name.startswith(".") and name not in wanted]
    texts = []
    for path in names and [path for pattern in units for path in glob.glob(pattern)]:
        with open(path, encoding="utf-8", errors="replace") as handle:
            texts.append(handle.read())
    return [name for name in names if not any(name in text for text in texts)]


def prune(root, names):
    """Remove folders of `root` whole: renamed first, so that none is ever seen half removed."""
    for name in names:
        gone = os.path.join(root, ".removed-%s" % name)
        shutil.rmtree(gone, ignore_errors=True)
        os.rename(os.path.join(root, name), gone)
        shutil.rmtree(gone)


def sweep(root):
    """What an interrupted removal left."""
    for name in _names(root):
        if name.startswith(".removed-"):
            shutil.rmtree(os.path.join(root, name))


def _names(folder):
    try:
        return sorted(os.listdir(folder))
    except FileNotFoundError:
        return []
