#!/usr/bin/python
"""Brings the engines of a host to what their units say, one replica after the other."""

from __future__ import annotations

DOCUMENTATION = r"""
module: engine_units
short_description: Bring the engines of a host to what their units say, one after the other
description:
  - A replica is restarted only when a file that it was made of has changed since its start, or when it does not run.
    What it was made of is read from the record that its start has left, so that a run that was killed between writing
    a unit and restarting it is made up for by the next.
  - A restart makes the hold file, which keeps the replica out of rotation; systemd drains the old engine and waits
    until the new one answers; the test is run; then the hold file is removed and the replica put into rotation. A hold
    file that is found is gone on with.
  - Replicas that do not run at all are started together.
  - Units of the deployment that are not listed are drained, stopped and removed.
version_added: "0.1.0"
author: llmdeploy
options:
  deployment:
    description: Name of the deployment.
    type: str
    required: true
  replicas:
    description: All engines of the deployment on this host.
    type: list
    elements: dict
    required: true
    suboptions:
      unit: {description: Name of the systemd service., type: str, required: true}
      record: {description: File in which its start notes what it was made of., type: path, required: true}
      made_of: {description: Files that decide what runs., type: list, elements: path, required: true}
      hold: {description: File that keeps it out of rotation., type: path, required: true}
      test: {description: Command that must end with 0., type: list, elements: str, required: true}
      ready: {description: Command that puts it into rotation., type: list, elements: str, required: true}
  generated:
    description: Whether the units are made by a generator and can neither be enabled nor disabled.
    type: bool
    default: false
  folder:
    description: Folder of the files that the units are made of.
    type: path
    default: /etc/systemd/system
  suffix:
    description: How these files end.
    type: str
    default: .service
  said:
    description: Command that reads a log from standard input and prints its last words.
    type: list
    elements: str
    required: true
  user:
    description: User and group that the commands run as.
    type: str
    default: llmdeploy
attributes:
  check_mode: {support: full, description: Says what would be restarted.}
"""

EXAMPLES = r"""
- name: Bring the engines to what their units say
  llmdeploy.host.engine_units:
    deployment: demo
    said: [/opt/llmdeploy/runtimes/5f1c/bin/python, -I, -m, llmdeploy.onhost.said]
    replicas:
      - unit: llmdeploy-demo-engine-0.service
        record: /run/llmdeploy-demo-engine-0/made-of.json
        made_of: [/etc/systemd/system/llmdeploy-demo-engine-0.service]
        hold: /var/lib/llmdeploy/demo/engine/0.hold
        test: [/bin/true]
        ready: [/bin/true]
"""

RETURN = r"""
restarted: {description: Units that were started or restarted., returned: always, type: list, elements: str}
tested: {description: Units whose test was run., returned: always, type: list, elements: str}
removed: {description: Units that were removed., returned: always, type: list, elements: str}
"""

import hashlib
import json
import os
import re
import subprocess
import time

from ansible.module_utils.basic import AnsibleModule

LOG_LINES = "400"


class FailedError(Exception):
    """What went wrong, in one line."""


def run_command(command, **how):
    return subprocess.run(command, stdin=how.pop("stdin", subprocess.DEVNULL), capture_output=True, text=True, **how)


def last_line(done):
    lines = [line for line in (done.stderr + "\n" + done.stdout).splitlines() if line.strip()]
    return (lines or ["it said nothing"])[-1].strip()[:300]


def systemctl(*words):
    return run_command(["systemctl", "--no-ask-password", *words])


def shown(unit):
    """State of the unit as systemd knows it."""
    names = "ActiveState,SubState,UnitFileState,NeedDaemonReload,LoadState,InvocationID"
    done = systemctl("show", "--property", names, unit)
    return dict(line.split("=", 1) for line in done.stdout.splitlines() if "=" in line)


def as_planned(replica):
    """Whether what its start was made of is what the files say now."""
    try:
        with open(replica["record"], encoding="utf-8") as handle:
            record = json.load(handle)
        for path in replica["made_of"]:
            with open(path, "rb") as handle:
                if record.get(path) != hashlib.sha256(handle.read()).hexdigest():
                    return False
    except (FileNotFoundError, ValueError):
        return False
    return True


def messages(journal, before):
    """The messages of a journal in JSON without those of the invocation before, whose end is no cause."""
    entries = [json.loads(line) for line in journal.splitlines()]
    texts = [entry.get("MESSAGE") for entry in entries if entry.get("_SYSTEMD_INVOCATION_ID") != before]
    return "\n".join(text for text in texts if isinstance(text, str))


class Engines:
    def __init__(self, parameters):
        self.p = parameters
        self.restarted, self.tested, self.removed = [], [], []

    def surplus(self):
        """Files of units of this deployment that are not listed any more."""
        listed = {replica["unit"] for replica in self.p["replicas"]}
        pattern = r"(llmdeploy-%s-engine-\d+)%s" % (re.escape(self.p["deployment"]), re.escape(self.p["suffix"]))
        found = []
        for name in sorted(os.listdir(self.p["folder"])) if os.path.isdir(self.p["folder"]) else ():
            match = re.fullmatch(pattern, name)
            if match and match[1] + ".service" not in listed:
                found.append((match[1] + ".service", os.path.join(self.p["folder"], name)))
        return found

    def remove(self, unit, path):
        if shown(unit).get("ActiveState") != "inactive":
            systemctl("stop", unit)
        if not self.p["generated"]:
            self.do("disable", unit)
        os.unlink(path)
        systemctl("reset-failed", unit)
        self.removed.append(unit)

    @staticmethod
    def do(*words):
        done = systemctl(*words)
        if done.returncode:
            raise FailedError("systemctl %s: %s" % (" ".join(words), last_line(done)))

    def todo(self):
        """For each replica: is it to be restarted, or at least to be tested; is its unit to be enabled?"""
        for replica in self.p["replicas"]:
            state = shown(replica["unit"])
            active = state.get("ActiveState") == "active"
            restart = not (active and as_planned(replica))
            enable = not self.p["generated"] and state.get("UnitFileState") != "enabled"
            yield replica, active, restart, restart or os.path.exists(replica["hold"]), enable

    def roll(self, found):
        self.do("daemon-reload")
        for replica, _, _, _, enable in found:
            if enable:
                self.do("enable", replica["unit"])
        down = [replica for replica, active, _, _, _ in found if not active]
        if down:
            self.restart(down)
        for replica, active, restart, test, _ in found:
            if active and restart:
                self.restart([replica])
            if test:
                self.test(replica)

    def restart(self, replicas):
        for replica in replicas:
            with open(replica["hold"], "w", encoding="utf-8"):
                pass
        units = [replica["unit"] for replica in replicas]
        before, begun = {unit: shown(unit).get("InvocationID", "") for unit in units}, time.time()
        systemctl("reset-failed", *units)
        done = systemctl("restart", *units)
        self.restarted += units
        for unit in units:
            if done.returncode and shown(unit).get("ActiveState") != "active":
                raise FailedError("%s does not come up: %s" % (unit, self.last_words(unit, begun, before[unit])))
        if done.returncode:
            raise FailedError("systemctl restart %s: %s" % (" ".join(units), last_line(done)))

    def test(self, replica):
        self.tested.append(replica["unit"])
        done = self.as_user(replica["test"])
        if done.returncode:
            raise FailedError("%s is up and stays out of rotation: %s" % (replica["unit"], last_line(done)))
        os.unlink(replica["hold"])
        done = self.as_user(replica["ready"])
        if done.returncode:
            raise FailedError("%s does not come into rotation: %s" % (replica["unit"], last_line(done)))

    def as_user(self, command):
        return run_command(command, user=self.p["user"], group=self.p["user"], extra_groups=[], cwd="/", env={})

    def last_words(self, unit, since, before):
        # By field: --unit would add what systemd says about it, which is no cause.
        journal = ["journalctl", "--quiet", "--since", "@%d" % since, "--output", "json", "--lines", LOG_LINES]
        log = messages(run_command([*journal, "_SYSTEMD_UNIT=%s" % unit]).stdout, before)
        try:
            done = subprocess.run(self.p["said"], input=log, capture_output=True, text=True, check=True)
            return done.stdout.strip()
        except (OSError, subprocess.CalledProcessError):  # the runtime itself may be what is broken
            return (log.strip().splitlines() or ["it wrote nothing"])[-1][:300]


def main():
    replica_spec = {
        "unit": {"type": "str", "required": True},
        "record": {"type": "path", "required": True},
        "made_of": {"type": "list", "elements": "path", "required": True},
        "hold": {"type": "path", "required": True},
        "test": {"type": "list", "elements": "str", "required": True},
        "ready": {"type": "list", "elements": "str", "required": True},
    }
    module = AnsibleModule(
        argument_spec={
            "deployment": {"type": "str", "required": True},
            "replicas": {"type": "list", "elements": "dict", "required": True, "options": replica_spec},
            "generated": {"type": "bool", "default": False},
            "folder": {"type": "path", "default": "/etc/systemd/system"},
            "suffix": {"type": "str", "default": ".service"},
            "said": {"type": "list", "elements": "str", "required": True},
            "user": {"type": "str", "default": "llmdeploy"},
        },
        supports_check_mode=True,
    )
    engines = Engines(module.params)
    surplus, found = engines.surplus(), list(engines.todo())
    # The last in each row: whether to test, which a restart includes, and whether to enable.
    changed = bool(surplus) or any(test or enable for _, _, _, test, enable in found)
    if module.check_mode or not changed:
        would = [replica["unit"] for replica, _, restart, _, _ in found if restart]
        module.exit_json(changed=changed, restarted=would, tested=[], removed=[unit for unit, _ in surplus])
    try:
        for unit, path in surplus:
            engines.remove(unit, path)
        engines.roll(found)
    except FailedError as error:
        module.fail_json(msg=str(error), restarted=engines.restarted, tested=engines.tested, removed=engines.removed)
    module.exit_json(changed=True, restarted=engines.restarted, tested=engines.tested, removed=engines.removed)


if __name__ == "__main__":
    main()
