"""What a host runs: llmdeploy itself, its engine and their dependencies, as wheels with hashes."""

from __future__ import annotations

from llmdeploy.adapters.runtime.build import Python, runtime_artifact

__all__ = ["Python", "runtime_artifact"]
