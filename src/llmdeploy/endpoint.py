"""Where a deployment answers."""

from __future__ import annotations

from dataclasses import dataclass

from llmdeploy.secret import Secret


@dataclass(frozen=True)
class Endpoint:
    """An OpenAI-compatible address.

    `url` is the root without a path (`http://127.0.0.1:8080`); the API lives under `/v1`. `model` is the served
    name. `ca_file` is the PEM file of the authority that signed an `https` address; empty: one that the system knows.
    `health_path` needs no key; `metrics_path` does where the engine asks for one.
    """

    url: str
    model: str
    key: Secret
    health_path: str = "/health"
    metrics_path: str = "/metrics"
    ca_file: str = ""
