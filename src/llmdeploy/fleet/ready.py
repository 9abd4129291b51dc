"""How long an engine on a host may take until its first answer."""

from __future__ import annotations

from llmdeploy.fleet.engine_locks import VLLM
from llmdeploy.plan import Plan
from llmdeploy.units import known_duration

READY_SECONDS = 300.0
VLLM_READY_SECONDS = 900.0
"""It compiles at its first start. Half an hour at worst (vllm issue 34399), minutes mostly."""
LOAD_BYTES_PER_SECOND = 50e6  # a slow disk; weights are read once at the start


def ready_seconds(plan: Plan) -> float:
    """The spec's bound, else one by engine and weights."""
    if asked := plan.spec.get("deploy", {}).get("timeout"):
        return known_duration(asked)
    return VLLM_READY_SECONDS + plan.model.size_bytes / LOAD_BYTES_PER_SECOND if plan.engine == VLLM else READY_SECONDS
