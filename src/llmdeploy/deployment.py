"""One spec brought to life: its state folder and the world that it lives in."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from llmdeploy.environment import Environment
from llmdeploy.secret import Secret
from llmdeploy.state import StateFolder


@dataclass(frozen=True)
class Deployment:
    state: StateFolder
    environment: Environment

    @property
    def models(self) -> Path:
        return self.environment.models

    @property
    def hub_endpoint(self) -> str | None:
        return self.environment.variables.get("HF_ENDPOINT") or None

    @property
    def hub_token(self) -> Secret | None:
        token = self.environment.variables.get("HF_TOKEN", "")
        return Secret(token) if token else None


def deployment(name: str, environment: Environment) -> Deployment:
    return Deployment(StateFolder(environment.state_root / name), environment)
