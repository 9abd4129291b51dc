#!/usr/bin/python
"""Makes a virtual environment out of an artifact of wheels."""

from __future__ import annotations

DOCUMENTATION = r"""
module: runtime
short_description: Make a virtual environment out of an artifact of wheels
description:
  - The environment is named by the artifact's digest and built in place, since it holds absolute paths; a file marks it
    complete. One without the mark, or of another interpreter, is built anew.
  - pip comes from its own wheel in the artifact, asks no index, and installs only what has the hash that
    C(requirements.txt) names. Neither ensurepip nor a package of the distribution is needed.
  - Environments that no deployment of the host wants any more are removed.
version_added: "0.1.0"
author: llmdeploy
options:
  deployment:
    description: Name of the deployment that wants the environment.
    type: str
    required: true
  digest:
    description: Digest of the artifact.
    type: str
    required: true
  artifact:
    description: Folder with the wheels and C(requirements.txt).
    type: path
    required: true
  keep:
    description: Further digests that are not removed.
    type: list
    elements: str
    default: []
  root:
    description: Folder of all environments.
    type: path
    default: /opt/llmdeploy/runtimes
  python:
    description: Interpreter that the environment is made of.
    type: path
    default: /usr/bin/python3
  oldest:
    description: Oldest version of Python that the wheels run under.
    type: str
    default: "3.11"
attributes:
  check_mode: {support: full, description: Says what would be built and removed.}
"""

EXAMPLES = r"""
- name: Make the environment
  llmdeploy.host.runtime:
    deployment: demo
    digest: 5f1c
    artifact: /var/lib/llmdeploy/store/5f1c
"""

RETURN = r"""
built: {description: Whether the environment was made., returned: always, type: bool}
pruned: {description: Digests that were removed., returned: always, type: list, elements: str}
"""

import json
import os
import re
import shutil
import subprocess

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.llmdeploy.host.plugins.module_utils.wanted import (
    note_wish,
    prune,
    sweep,
    unwanted,
    wish,
    write_atomically,
)

MARK = ".complete"
ABOUT = "import os,sys;print('%d.%d' % sys.version_info[:2], os.path.realpath(sys.executable))"


class RefusedError(Exception):
    """What is wrong, in one line."""


def output(command, what):
    """What it wrote; raises RefusedError with its last line when it fails."""
    environment = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C.UTF-8", "PIP_CONFIG_FILE": os.devnull}
    try:
        done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, env=environment)
    except OSError as error:
        raise RefusedError("%s: %s: %s" % (what, command[0], error.strerror)) from error
    if done.returncode:
        lines = [line for line in (done.stdout + done.stderr).splitlines() if line.strip()]
        errors = [line for line in lines if line.startswith("ERROR")]
        raise RefusedError("%s: %s" % (what, ((errors or lines[-1:] or ["it said nothing"])[0])[:300]))
    return done.stdout.strip()


def marked(path, about):
    """Whether a complete environment of this interpreter stands there."""
    try:
        with open(os.path.join(path, MARK), encoding="utf-8") as handle:
            return json.load(handle) == about and os.path.exists(os.path.join(path, "bin", "python"))
    except (FileNotFoundError, ValueError):
        return False


def build(path, artifact, python, about):
    wheels = sorted(name for name in os.listdir(artifact) if re.fullmatch(r"pip-[^-]+-py3-none-any\.whl", name))
    if not wheels:
        raise RefusedError("the artifact %s has no wheel of pip" % artifact)
    if os.path.lexists(path):
        shutil.rmtree(path)
    output([python, "-I", "-m", "venv", "--without-pip", path], "make the virtual environment")
    pip = [os.path.join(path, "bin", "python"), "-I", os.path.join(artifact, wheels[-1], "pip")]
    options = ["--quiet", "--no-input", "--disable-pip-version-check", "--no-cache-dir", "--no-index", "--no-deps"]
    options += ["--only-binary", ":all:", "--require-hashes", "--find-links", artifact, "--compile"]
    requirements = ["-r", os.path.join(artifact, "requirements.txt")]
    output([*pip, "install", *options, *requirements], "install the wheels of %s" % artifact)
    write_atomically(os.path.join(path, MARK), json.dumps(about), 0o644)


def run(parameters, check_mode):
    root, digest = parameters["root"], parameters["digest"]
    if not re.fullmatch(r"[0-9a-f]{4,128}", digest):
        raise RefusedError("%r is no digest" % digest)
    path, kept = os.path.join(root, digest), [digest] + parameters["keep"]
    version, real = output([parameters["python"], "-I", "-c", ABOUT], "ask Python for its version").split(" ", 1)
    if tuple(map(int, version.split("."))) < tuple(map(int, parameters["oldest"].split("."))):
        raise RefusedError("%s is Python %s, and %s is needed" % (parameters["python"], version, parameters["oldest"]))
    about = {"artifact": digest, "python": real}
    result = {"built": not marked(path, about), "pruned": unwanted(root, parameters["deployment"], kept)}
    differs = wish(root, parameters["deployment"], kept)[2]
    result["changed"] = bool(result["built"] or result["pruned"] or differs)
    if check_mode:
        return result
    os.umask(0o022)
    os.makedirs(root, mode=0o755, exist_ok=True)
    note_wish(root, parameters["deployment"], kept)
    if result["built"]:
        build(path, parameters["artifact"], parameters["python"], about)
    prune(root, result["pruned"])
    sweep(root)
    return result


def main():
    module = AnsibleModule(
        argument_spec={
            "deployment": {"type": "str", "required": True},
            "digest": {"type": "str", "required": True},
            "artifact": {"type": "path", "required": True},
            "keep": {"type": "list", "elements": "str", "default": []},
            "root": {"type": "path", "default": "/opt/llmdeploy/runtimes"},
            "python": {"type": "path", "default": "/usr/bin/python3"},
            "oldest": {"type": "str", "default": "3.11"},
        },
        supports_check_mode=True,
    )
    try:
        module.exit_json(**run(module.params, module.check_mode))
    except RefusedError as error:
        module.fail_json(msg=str(error))


if __name__ == "__main__":
    main()
