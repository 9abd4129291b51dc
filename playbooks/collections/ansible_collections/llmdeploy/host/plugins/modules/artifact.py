#!/usr/bin/python
"""Brings artifacts into the content-addressed store of a host."""

from __future__ import annotations

DOCUMENTATION = r"""
module: artifact
short_description: Bring artifacts into a content-addressed store
description:
  - An artifact is a folder of files that is named by its digest. It appears in the store by one rename, when every
    file is there and has the sha256 that was asked for.
  - Files come from the incoming folder, where the controller has put them, or from peers that have the artifact
    already, over HTTPS with certificates on both sides. What was fetched in part is gone on with.
  - Artifacts that no deployment of the host wants any more are removed.
  - The receiving host needs curl where there are peers.
version_added: "0.1.0"
author: llmdeploy
options:
  deployment:
    description: Name of the deployment that wants the artifacts.
    type: str
    required: true
  artifacts:
    description: What must be in the store at the end.
    type: list
    elements: dict
    required: true
    suboptions:
      digest: {description: Name of the folder; lower-case hexadecimal., type: str, required: true}
      files:
        description: All files of the artifact.
        type: list
        elements: dict
        required: true
        suboptions:
          name: {description: Path inside the artifact., type: str, required: true}
          sha256: {description: Lower-case hexadecimal., type: str, required: true}
          bytes: {description: Size., type: int, required: true}
  keep:
    description: Further digests that are not removed, wanted or not.
    type: list
    elements: str
    default: []
  store:
    description: The store's folder; made where it is missing.
    type: path
    default: /var/lib/llmdeploy/store
  incoming:
    description: Folder in which uploads lie, each in a folder named by its digest. Empty for none.
    type: str
    default: ""
  peers:
    description: Addresses of hosts that may have the artifacts. Each host begins with another one.
    type: list
    elements: str
    default: []
  port:
    description: Port of the peers' stores.
    type: int
    default: 8470
  ca:
    description: File of the certificate authority that the peers' certificates are signed by.
    type: path
  certificate:
    description: File with this host's certificate chain and its private key.
    type: path
  seconds:
    description: Seconds after which an artifact that no peer gives is an error.
    type: int
    default: 600
  verify:
    description: Read all files and compare their sha256, also those that were verified before and look untouched.
    type: bool
    default: false
  group:
    description: Group that may read the store.
    type: str
    default: llmdeploy
attributes:
  check_mode: {support: full, description: Says what would be brought and removed.}
"""

EXAMPLES = r"""
- name: Bring the model
  llmdeploy.host.artifact:
    deployment: demo
    artifacts:
      - digest: 5f1c
        files: [{name: model.gguf, sha256: 2c26, bytes: 3}]
    peers: [198.51.100.11]
    ca: /etc/llmdeploy/demo/tls/ca.pem
    certificate: /etc/llmdeploy/demo/tls/node.pem
"""

RETURN = r"""
brought:
  description: Digests that were not complete before, each with where its files came from.
  returned: always
  type: dict
fetched_bytes: {description: Bytes that came from peers in this run., returned: always, type: int}
pruned: {description: Digests that were removed., returned: always, type: list, elements: str}
"""

import grp
import hashlib
import json
import os
import re
import shutil
import socket
import stat
import subprocess
import time

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.llmdeploy.host.plugins.module_utils.wanted import (
    note_wish,
    prune,
    sweep,
    unwanted,
    wanted_by_all,
    wish,
    write_atomically,
)

DIGEST = re.compile(r"[0-9a-f]{4,128}")
RECORD = ".verified"  # what was verified, with size and time of change: a later run need not read gigabytes again
PARTIAL = ".partial"
BLOCK = 4 * 1024 * 1024
CONNECT_SECONDS = 5
STALLED_SECONDS = 20  # with less than 1 KB/s all the while
LONGEST_PAUSE = 5.0
RANGE_REFUSED = 33  # curl: the peer's file is shorter than what we have, or it does not give ranges


class RefusedError(Exception):
    """What is wrong, in one line."""


def sha256(path):
    digest = hashlib.sha256()
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW)
    with os.fdopen(descriptor, "rb") as handle:
        while True:
            block = handle.read(BLOCK)
            if not block:
                return digest.hexdigest()
            digest.update(block)


def inside(name):
    """Whether the name stays inside the folder and is none of ours."""
    parts = name.split("/")
    return bool(name) and all(part and not part.startswith(".") for part in parts) and "\n" not in name


def check(artifacts):
    for artifact in artifacts:
        if not DIGEST.fullmatch(artifact["digest"]):
            raise RefusedError("%r is no digest" % artifact["digest"])
        for wanted in artifact["files"]:
            if not inside(wanted["name"]):
                raise RefusedError("%s: %r is no name of a file" % (artifact["digest"], wanted["name"]))
            if not re.fullmatch(r"[0-9a-f]{64}", wanted["sha256"]):
                raise RefusedError("%s: %r is no sha256" % (wanted["name"], wanted["sha256"]))


def size_of(path):
    """Bytes of a regular file; None where there is none."""
    try:
        found = os.lstat(path)
    except (FileNotFoundError, NotADirectoryError):
        return None
    if not stat.S_ISREG(found.st_mode):
        raise RefusedError("%s is not a plain file" % path)
    return found.st_size


def marks(folder, files):
    """Size and time of change of each file, as the record keeps them."""
    found = {}
    for wanted in files:
        seen = os.lstat(os.path.join(folder, wanted["name"]))
        found[wanted["name"]] = [wanted["sha256"], seen.st_size, seen.st_mtime_ns]
    return found


def faults(folder, files, verify):
    """Names of files that are missing or not what was verified; with `verify` all are read."""
    try:
        with open(os.path.join(folder, RECORD), encoding="utf-8") as handle:
            record = json.load(handle)
    except (FileNotFoundError, ValueError):
        record = {}
    wrong = []
    for wanted in files:
        path, name = os.path.join(folder, wanted["name"]), wanted["name"]
        if size_of(path) != wanted["bytes"]:
            wrong.append(name)
            continue
        verified = record.get(name) == [wanted["sha256"], wanted["bytes"], os.lstat(path).st_mtime_ns]
        if (verify or not verified) and sha256(path) != wanted["sha256"]:
            wrong.append(name)
    return wrong, not wrong and record != marks(folder, files)


class Store:
    """The store of this host, and how one artifact comes into it."""

    def __init__(self, parameters, command, warn):
        self.p = parameters
        self.root = parameters["store"]
        self.run_command = command
        self.warn = warn
        self.fetched = 0
        self.deadline = time.monotonic() + parameters["seconds"]

    def folder(self, digest):
        return os.path.join(self.root, digest)

    def make(self, path):
        """A folder that the group may read, its parents up to the store included."""
        missing = []
        while path != self.root and not os.path.isdir(path):
            missing.append(path)
            path = os.path.dirname(path)
        for each in reversed(missing):
            os.mkdir(each, 0o750)
            self.own(each, 0o750)

    def own(self, path, mode):
        os.chown(path, 0 if os.geteuid() == 0 else -1, self.group())
        os.chmod(path, mode)

    def group(self):
        return grp.getgrnam(self.p["group"]).gr_gid

    def bring(self, artifact):
        """Complete one artifact; returns where its files came from."""
        digest, files = artifact["digest"], artifact["files"]
        final, partial = self.folder(digest), os.path.join(self.root, PARTIAL, digest)
        self.make(partial)
        wrong = faults(final, files, self.p["verify"])[0] if os.path.isdir(final) else None
        sources, missing = {}, []
        for wanted in files:
            target = os.path.join(partial, wanted["name"])
            self.make(os.path.dirname(target))
            if wrong is not None and wanted["name"] not in wrong:
                self._link(os.path.join(final, wanted["name"]), target)
                sources[wanted["name"]] = "store"
            elif self.adopt(digest, wanted, target):
                sources[wanted["name"]] = "incoming"
            else:
                missing.append(wanted)
        if missing:
            sources.update(self.fetch(digest, missing, partial))
        for wanted in files:
            self.own(os.path.join(partial, wanted["name"]), 0o640)
        self.appear(partial, final, files)
        return sorted(set(sources.values()))

    @staticmethod
    def _link(path, target):
        """The good files of a damaged artifact stay where an engine may have them mapped."""
        if os.path.lexists(target):
            os.unlink(target)
        os.link(path, target)

    def adopt(self, digest, wanted, target):
        """Take a file from the incoming folder, if it is whole there; one with other content is an error."""
        if not self.p["incoming"]:
            return False
        path = os.path.join(self.p["incoming"], digest, wanted["name"])
        size = size_of(path)
        if size is None or size < wanted["bytes"]:  # an upload that was interrupted goes on where it ended
            return False
        if size == wanted["bytes"] and sha256(path) == wanted["sha256"]:
            if os.path.lexists(target):
                os.unlink(target)
            shutil.move(path, target)
            return True
        os.unlink(path)
        raise RefusedError("%s in %s has another sha256 than the plan: removed" % (wanted["name"], self.p["incoming"]))

    def fetch(self, digest, files, partial):
        """Ask the peers, each in turn, until all files are there or the time is over."""
        if not self.p["peers"]:
            raise RefusedError(
                "%s of artifact %s: neither uploaded to %s nor at a peer"
                % (files[0]["name"], digest, self.p["incoming"] or "this host")
            )
        begun, said = time.monotonic(), {}
        left, sources = list(files), {}
        while left:
            for peer in self.order():
                for wanted in list(left):
                    problem = self.from_peer(peer, digest, wanted, os.path.join(partial, wanted["name"]))
                    if problem:
                        said[peer] = problem
                        break
                    sources[wanted["name"]] = peer
                    left.remove(wanted)
            if left and time.monotonic() >= self.deadline:
                reasons = "; ".join("%s: %s" % pair for pair in sorted(said.items()))
                raise RefusedError("%s of artifact %s: no peer gave it (%s)" % (left[0]["name"], digest, reasons))
            if left:
                waited = time.monotonic() - begun
                time.sleep(max(0.2, min(LONGEST_PAUSE, waited * 0.2, self.deadline - time.monotonic())))
        return sources

    def order(self):
        """The peers, from another one on each host, so that they do not all ask the first."""
        peers = self.p["peers"]
        first = int(hashlib.sha256(socket.gethostname().encode()).hexdigest(), 16) % len(peers)
        return peers[first:] + peers[:first]

    def from_peer(self, peer, digest, wanted, target):
        """Fetch one file, going on with what is there; returns why it did not come."""
        before = size_of(target) or 0
        if before > wanted["bytes"]:
            os.unlink(target)
            before = 0
        if before < wanted["bytes"] or not before:
            code, error = self.curl(peer, digest, wanted["name"], target)
            after = size_of(target) or 0
            self.fetched += max(0, after - before)
            if code == RANGE_REFUSED:
                os.unlink(target)
            if code:
                return error
        if size_of(target) == wanted["bytes"] and sha256(target) == wanted["sha256"]:
            return ""
        os.unlink(target)
        self.warn("%s from %s has another sha256 than the plan: removed" % (wanted["name"], peer))
        return "gave %s with another sha256" % wanted["name"]

    def curl(self, peer, digest, name, target):
        host = "[%s]" % peer if ":" in peer else peer
        command = [
            "curl", "--disable", "--silent", "--show-error", "--fail", "--globoff",
            "--proto", "=https", "--noproxy", "*",
            "--cacert", self.p["ca"], "--cert", self.p["certificate"], "--key", self.p["certificate"],
            "--connect-timeout", str(CONNECT_SECONDS), "--speed-limit", "1000", "--speed-time", str(STALLED_SECONDS),
            "--continue-at", "-", "--output", target,
            "https://%s:%d/%s/%s" % (host, self.p["port"], digest, _quoted(name)),
        ]  # fmt: skip
        code, _, error = self.run_command(command)
        return code, " ".join(error.split())[:200] or "curl ended with %d" % code

    def appear(self, partial, final, files):
        """One rename; a damaged artifact goes out of the way first, and its files stay open where they are in use."""
        write_atomically(os.path.join(partial, RECORD), json.dumps(marks(partial, files)), 0o640)
        self.own(os.path.join(partial, RECORD), 0o640)
        if os.path.isdir(final):
            damaged = os.path.join(self.root, ".removed-%s" % os.path.basename(final))
            shutil.rmtree(damaged, ignore_errors=True)
            os.rename(final, damaged)
            os.rename(partial, final)
            shutil.rmtree(damaged)
        else:
            os.rename(partial, final)


def _quoted(name):
    from urllib.parse import quote

    return quote(name)


def curl_runner(command):
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    return done.returncode, done.stdout, done.stderr


def run(parameters, check_mode, warn, command=curl_runner):
    """What is to be done, and does it unless `check_mode`."""
    artifacts = parameters["artifacts"]
    check(artifacts)
    store = Store(parameters, command, warn)
    result = {"changed": False, "brought": {}, "fetched_bytes": 0, "pruned": []}
    wanted = [artifact["digest"] for artifact in artifacts]
    todo, to_note = [], []
    for artifact in artifacts:
        folder = store.folder(artifact["digest"])
        if not os.path.isdir(folder):
            todo.append(artifact)
            continue
        wrong, unnoted = faults(folder, artifact["files"], parameters["verify"])
        if wrong:
            todo.append(artifact)
        elif unnoted:
            to_note.append(artifact)
    kept = wanted + parameters["keep"]
    differs = wish(store.root, parameters["deployment"], kept)[2]
    result["changed"] = bool(todo or to_note or differs)
    if check_mode:
        result["brought"] = {artifact["digest"]: ["not looked for in check mode"] for artifact in todo}
        result["pruned"] = unwanted(store.root, parameters["deployment"], kept)
        result["changed"] = result["changed"] or bool(result["pruned"])
        return result
    if not os.path.isdir(store.root):
        os.makedirs(store.root, mode=0o750)
        store.own(store.root, 0o750)
    # Noted before anything is fetched: from now on no other deployment removes what this one wants.
    note_wish(store.root, parameters["deployment"], kept)
    for artifact in todo:
        result["brought"][artifact["digest"]] = store.bring(artifact)
    for artifact in to_note:
        folder = store.folder(artifact["digest"])
        write_atomically(os.path.join(folder, RECORD), json.dumps(marks(folder, artifact["files"])), 0o640)
        store.own(os.path.join(folder, RECORD), 0o640)
    result["fetched_bytes"] = store.fetched
    result["pruned"] = unwanted(store.root, parameters["deployment"], kept)
    prune(store.root, result["pruned"])
    sweep(store.root)
    sweep_parts(store, artifacts, kept)
    result["changed"] = result["changed"] or bool(result["pruned"])
    return result


def sweep_parts(store, artifacts, kept):
    """Parts of artifacts that nobody waits for any more, and uploads of what is complete."""
    partial = os.path.join(store.root, PARTIAL)
    wanted = wanted_by_all(store.root, store.p["deployment"], kept)
    for name in os.listdir(partial) if os.path.isdir(partial) else ():
        if name not in wanted:
            shutil.rmtree(os.path.join(partial, name))
    for artifact in artifacts if store.p["incoming"] else ():
        shutil.rmtree(os.path.join(store.p["incoming"], artifact["digest"]), ignore_errors=True)


def main():
    file_spec = {
        "name": {"type": "str", "required": True},
        "sha256": {"type": "str", "required": True},
        "bytes": {"type": "int", "required": True},
    }
    artifact_spec = {
        "digest": {"type": "str", "required": True},
        "files": {"type": "list", "elements": "dict", "required": True, "options": file_spec},
    }
    module = AnsibleModule(
        argument_spec={
            "deployment": {"type": "str", "required": True},
            "artifacts": {"type": "list", "elements": "dict", "required": True, "options": artifact_spec},
            "keep": {"type": "list", "elements": "str", "default": []},
            "store": {"type": "path", "default": "/var/lib/llmdeploy/store"},
            "incoming": {"type": "str", "default": ""},
            "peers": {"type": "list", "elements": "str", "default": []},
            "port": {"type": "int", "default": 8470},
            "ca": {"type": "path"},
            "certificate": {"type": "path"},
            "seconds": {"type": "int", "default": 600},
            "verify": {"type": "bool", "default": False},
            "group": {"type": "str", "default": "llmdeploy"},
        },
        supports_check_mode=True,
    )
    try:
        module.exit_json(**run(module.params, module.check_mode, module.warn))
    except RefusedError as error:
        module.fail_json(msg=str(error))


if __name__ == "__main__":
    main()
