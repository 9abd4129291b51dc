"""What prepare decided. Everything here can be printed before anything exists; there is no secret in it."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal

ModelFormat = Literal["gguf", "safetensors"]
CONTEXT_CHECKPOINTS = 4
"""States of sliding-window layers that llama.cpp keeps per slot (`--ctx-checkpoints`); its default of 32 made a Gemma 3
4B slot 3.6 GiB. Sizing counts them, the engine is started with them."""

UNDECIDED = ("memory", "reasons", "warnings", "alternatives", "price_per_month", "purchase", "predicted", "spec")
"""Fields that a digest leaves out: what is found or expected, and how it is said."""
DECIDING = ("pull_from", "image")
"""Settings of the spec's section `hosts` that decide what runs, where they are given."""

ModelSource = Literal["bundled", "hub", "path"]


@dataclass(frozen=True)
class ModelRef:
    """Which weights, exactly, and where they come from.

    `id` is what the user wrote. `location` is a path (`path`, `bundled`) or a repository (`hub`). `revision` is a
    commit hash once it is known; `file` names the GGUF inside a repository; `sha256` is checked where it is known
    beforehand. `size_bytes` is the sum of the weight files.
    """

    id: str
    source: ModelSource
    location: str
    format: ModelFormat
    size_bytes: int
    revision: str = ""
    file: str = ""
    sha256: str = ""


@dataclass(frozen=True)
class MemoryPart:
    """One part of the memory that serving takes, in bytes."""

    name: str
    bytes: int
    reason: str


@dataclass(frozen=True)
class Memory:
    """What serving takes against what is free, in bytes."""

    parts: tuple[MemoryPart, ...]
    available_bytes: int

    @property
    def needed_bytes(self) -> int:
        return sum(part.bytes for part in self.parts)

    @property
    def fits(self) -> bool:
        return self.needed_bytes <= self.available_bytes


@dataclass(frozen=True)
class Alternative:
    """Something considered and not chosen, with the reason."""

    what: str
    reason: str


@dataclass(frozen=True)
class Prediction:
    """What is expected under the workload of the spec: seconds (`ttft` for 95 of 100 requests), tokens a second of the
    whole deployment, and the share of places that stays free on average."""

    ttft: float
    itl: float
    tokens_per_second: float
    headroom: float


@dataclass(frozen=True)
class HostPlan:
    """What one host of a fleet gets: `replicas` engines of `slots` requests at once, each with `threads` compute
    threads and at most `memory_max` bytes (0: no bound). `gpus` are the driver's numbers of the GPUs of each replica,
    `cpus` its cores ("0-7"; empty: all). A host with no replica is a gateway alone.
    """

    name: str
    address: str
    gateway: bool = False
    replicas: int = 0
    slots: int = 0
    threads: int = 0
    memory_max: int = 0
    cpus: tuple[str, ...] = ()
    gpus: tuple[tuple[int, ...], ...] = ()
    wave: str = ""


@dataclass(frozen=True)
class Plan:
    """One deployment, decided.

    `context` is tokens per request, `slots` the requests served at once, `threads` the compute threads of the engine.
    `machines` of the kind `instance` stand in `region`; a replica takes `tensor_parallel` x `pipeline_parallel`
    devices.
    `hosts` are own machines, one by one; `port_block` is the first of the 64 ports that they keep for the deployment.
    `price_per_month` and `purchase` are in USD. `spec` is the spec as used, in JSON types.
    """

    name: str
    target: str
    spec: dict[str, Any]
    model: ModelRef
    served_name: str
    variant: str
    engine: str
    context: int
    slots: int
    threads: int
    host: str
    port: int
    memory: Memory
    accelerators: tuple[str, ...] = ()
    replicas: int = 1
    price_per_month: float = 0.0
    purchase: float = 0.0
    machines: int = 1
    instance: str = ""
    region: str = ""
    tensor_parallel: int = 1
    pipeline_parallel: int = 1
    hosts: tuple[HostPlan, ...] = ()
    port_block: int = 0
    predicted: Prediction | None = None
    reasons: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    alternatives: tuple[Alternative, ...] = ()

    @property
    def digest(self) -> str:
        """Twelve hex digits over everything that decides what runs; free memory and wording do not count."""
        decided = {key: value for key, value in asdict(self).items() if key not in UNDECIDED}
        hosts = self.spec.get("hosts", {})
        decided |= {key: hosts[key] for key in DECIDING if hosts.get(key)}
        return hashlib.sha256(json.dumps(decided, sort_keys=True).encode()).hexdigest()[:12]

    def as_json(self) -> dict[str, Any]:
        return {"digest": self.digest, **asdict(self)}

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Plan:
        """The plan that `as_json` wrote."""
        fields = {key: value for key, value in data.items() if key != "digest"}
        memory = fields["memory"]
        fields["model"] = ModelRef(**fields["model"])
        fields["memory"] = Memory(
            parts=tuple(MemoryPart(**part) for part in memory["parts"]),
            available_bytes=memory["available_bytes"],
        )
        predicted = fields.get("predicted")
        fields["predicted"] = Prediction(**predicted) if predicted else None
        fields["alternatives"] = tuple(Alternative(**one) for one in fields["alternatives"])
        fields["hosts"] = tuple(_host(one) for one in fields.get("hosts", ()))
        for key in ("accelerators", "reasons", "warnings"):
            fields[key] = tuple(fields[key])
        return cls(**fields)


def _host(data: dict[str, Any]) -> HostPlan:
    gpus = tuple(tuple(numbers) for numbers in data["gpus"])
    return HostPlan(**{**data, "cpus": tuple(data["cpus"]), "gpus": gpus})


@dataclass(frozen=True)
class Weights:
    """Weights on disk, verified: what the engine is pointed at, and the sha256 of every file by its relative name."""

    path: Path
    sha256: dict[str, str] = field(default_factory=dict)
