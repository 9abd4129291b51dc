"""OpenSSH's client: a script on many hosts at once, and files to one of them."""

from __future__ import annotations

from llmdeploy.adapters.ssh.scripts import Answer, run_everywhere
from llmdeploy.adapters.ssh.upload import upload

__all__ = ["Answer", "run_everywhere", "upload"]
