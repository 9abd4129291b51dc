"""What a host runs: llmdeploy itself, its engine and their dependencies, as wheels with hashes."""

from __future__ import annotations

from llmdeploy.adapters.runtime.build import engine_artifact, runtime_artifact
from llmdeploy.adapters.runtime.lock import Python

__all__ = ["Python", "engine_artifact", "runtime_artifact"]
