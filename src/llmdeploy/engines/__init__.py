"""What serves a model. One file (or package) here is one engine; adding one needs no change elsewhere.

An engine is pure: it says what to run, and runs nothing. The same `Serving` becomes a local process, a systemd unit or
a container.
"""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:  # an engine's own process loads this package too, and starts 10 ms sooner without the plan
    from llmdeploy.plan import ModelFormat, Plan


@dataclass(frozen=True)
class Site:
    """Where the engine will stand: the interpreter, the weights and the key file as paths of that place.

    `engine_python` is that of an engine in an environment of its own; empty where one interpreter has both."""

    python: str
    model_path: str
    key_file: str
    engine_python: str = ""


@dataclass(frozen=True)
class Serving:
    """How to run an engine. `argv` never holds a secret: the key is read from a file.

    `arguments` is the part of `argv` that an image's own server takes, where the engine has an image.
    """

    argv: tuple[str, ...]
    port: int
    arguments: tuple[str, ...] = ()
    env: Mapping[str, str] = field(default_factory=dict)
    health_path: str = "/health"
    metrics_path: str = "/metrics"
    image: str = ""


@dataclass(frozen=True)
class MetricNames:
    """Names in the engine's own Prometheus text; an empty name is a figure that the engine does not give."""

    running: str
    waiting: str
    generated_tokens: str
    prompt_tokens: str
    kv_usage: str = ""
    slots_path: str = ""


class Engine(Protocol):
    """The contract of an engine."""

    @property
    def name(self) -> str: ...
    @property
    def formats(self) -> tuple[ModelFormat, ...]: ...
    @property
    def metrics(self) -> MetricNames: ...

    def missing(self) -> str:
        """Why this engine cannot run under this interpreter, or an empty text."""
        ...

    def refuses(self, plan: Plan) -> str:
        """Why this engine cannot serve the plan, or an empty text."""
        ...

    def serve(self, plan: Plan, site: Site) -> Serving: ...


def engine_names() -> tuple[str, ...]:
    import pkgutil

    return tuple(sorted(module.name for module in pkgutil.iter_modules(__path__)))


def engine(name: str) -> Engine:
    """The engine called `name`; its module carries it as `ENGINE`."""
    found: Engine = importlib.import_module(f"{__name__}.{name}").ENGINE
    return found
