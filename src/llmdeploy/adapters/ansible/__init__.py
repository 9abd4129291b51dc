"""Playbooks through ansible-runner: what they did, host by host."""

from __future__ import annotations

from llmdeploy.adapters.ansible.outcome import Change, Fault, HostOutcome, Outcome
from llmdeploy.adapters.ansible.playbook import Playbook, run_playbook

__all__ = ["Change", "Fault", "HostOutcome", "Outcome", "Playbook", "run_playbook"]
