"""What vLLM does differently from version to version, as far as memory depends on it.

Read from the sources of vLLM 0.4.2 to 0.33.0: `engine/arg_utils.py` (get_batch_defaults), `v1/worker/gpu_worker.py`
(determine_available_memory), `v1/core/kv_cache_utils.py`, `config/cache.py`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from llmdeploy.sizing.catalogue.accelerators import Accelerator

Version = tuple[int, int, int]
PINNED: Final[Version] = (0, 32, 0)  # what llmdeploy starts
UTILIZATION: Final = 0.9  # llmdeploy passes it; vLLM's own default is 0.90 up to 0.19 and 0.92 from 0.20
LARGE_GIB: Final = 70
HUGE_GIB: Final = 160


def version_of(text: str) -> Version:
    """`v0.8.5.post1` is (0, 8, 5). Raises ValueError where there are no numbers."""
    numbers = []
    for part in text.lstrip("v").split(".")[:3]:
        digits = part[: len(part) - len(part.lstrip("0123456789"))]
        if not digits:
            break
        numbers.append(int(digits))
    if not numbers:
        raise ValueError(f"{text!r} is not a version of vLLM")
    major, minor, patch = (*numbers, 0, 0)[:3]
    return (major, minor, patch)


def default_sequences(version: Version, gib: float, name: str = "") -> int:
    """`max_num_seqs` where it is not set: 256, and 1024 on large GPUs (on all of them in 0.7 and 0.8.0)."""
    if version < (0, 7, 3):
        return 256
    if version < (0, 8, 4):
        return 1024 if version >= (0, 8, 0) else 256
    return 1024 if _large(version, gib, name) else 256


def default_batched_tokens(version: Version, gib: float, name: str, max_model_len: int) -> int:
    """`max_num_batched_tokens` of the API server where it is not set."""
    if version < (0, 8, 0):  # V0: without chunked prefill a whole context, with it (contexts over 32k) 2048 tokens
        return 2048 if max_model_len > 32_768 else max(max_model_len, 2048)
    if version >= (0, 28, 0) and gib >= HUGE_GIB:
        return 16_384
    return 8192 if _large(version, gib, name) else 2048


def _large(version: Version, gib: float, name: str) -> bool:
    if version < (0, 8, 5):
        return name.startswith(("h100", "h200"))
    return gib >= LARGE_GIB and (version < (0, 9, 0) or not name.startswith("a100"))


@dataclass(frozen=True)
class Behaviour:
    """How one version counts: `graphs` are taken off the cache, `hybrid` layers with windows share one pool,
    `by_request` the tokens it prints are those of whole requests of the longest context."""

    graphs: bool
    hybrid: bool
    by_request: bool


def behaviour(version: Version | None) -> Behaviour:
    """Without a version: as the one that llmdeploy starts, and tokens as the pool holds them, which is less for models
    with windows or states and does not depend on the longest request."""
    if version is None:
        return Behaviour(graphs=True, hybrid=True, by_request=False)
    return Behaviour(graphs=version >= (0, 20, 0), hybrid=version >= (0, 9, 2), by_request=version >= (0, 21, 0))


def accelerator_name(accelerator: Accelerator | None) -> str:
    return accelerator.name if accelerator else ""
