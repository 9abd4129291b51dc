"""Models, machines and GGUF headers that the tests of sizing share."""

from __future__ import annotations

import struct
from dataclasses import replace
from pathlib import Path
from typing import Any

import llmdeploy
from llmdeploy.sizing.architecture import Architecture, dense_decoder
from llmdeploy.sizing.machine import Machine

GIB = 1 << 30
DEMO = Path(llmdeploy.__file__).parent / "models" / "demo" / "llmdeploy-demo-Q8_0.gguf"

LLAMA_8B_FIGURES: dict[str, Any] = {
    "family": "llama", "layers": 32, "hidden": 4096, "heads": 32, "kv_heads": 8, "head_dim": 128, "ffn": 14336,
    "vocabulary": 128256, "context": 131072, "parameters": 8_030_261_248, "weight_bytes": 4_920_739_232,
    "quantization": "Q4_K_M",
}  # fmt: skip
DEMO_FIGURES: dict[str, Any] = {
    "family": "llama", "layers": 4, "hidden": 192, "heads": 3, "kv_heads": 1, "head_dim": 64, "ffn": 512,
    "vocabulary": 2048, "context": 512, "tied": True, "parameters": 1_967_808, "weight_bytes": 2_095_872,
    "quantization": "Q8_0",
}  # fmt: skip


def llama_8b(**change: Any) -> Architecture:
    """Llama 3.1 8B, or one that differs in a few figures."""
    return dense_decoder(**{**LLAMA_8B_FIGURES, **change})


def demo_shape(**change: Any) -> Architecture:
    """The embedded model, or one that differs in a few figures."""
    return dense_decoder(**{**DEMO_FIGURES, **change})


LLAMA_8B = llama_8b()
DEMO_SHAPE = demo_shape()
MACHINE = Machine(
    cores=2.0,
    physical_cores=2,
    instruction_sets=("avx2", "fma"),
    memory_total=16 * GIB,
    memory_available=12 * GIB,
    disk_free=100 * GIB,
    os="Debian 12",
    architecture="x86_64",
)


def machine_with(gib: float) -> Machine:
    """16 GiB in all, `gib` of them free after the share that is left to the system."""
    return replace(MACHINE, memory_available=int(gib * GIB) + 512 * (1 << 20))


def text(value: str) -> bytes:
    raw = value.encode()
    return struct.pack("<Q", len(raw)) + raw


def gguf(pairs: list[bytes], tensors: list[bytes], data: int = 0, version: int = 3) -> bytes:
    """A GGUF file of ready-made metadata pairs and tensor infos, followed by `data` zero bytes."""
    head = b"GGUF" + struct.pack("<IQQ", version, len(tensors), len(pairs)) + b"".join(pairs) + b"".join(tensors)
    return head + b"\0" * (-len(head) % 32) + b"\0" * data


def pair_u32(key: str, value: int) -> bytes:
    return text(key) + struct.pack("<II", 4, value)


def pair_text(key: str, value: str) -> bytes:
    return text(key) + struct.pack("<I", 8) + text(value)


def pair_texts(key: str, values: list[str]) -> bytes:
    return text(key) + struct.pack("<IIQ", 9, 8, len(values)) + b"".join(map(text, values))


def pair_bools(key: str, values: list[bool]) -> bytes:
    return text(key) + struct.pack("<IIQ", 9, 7, len(values)) + bytes(values)


def tensor(name: str, shape: tuple[int, ...], kind: int, offset: int) -> bytes:
    return text(name) + struct.pack(f"<I{len(shape)}QIQ", len(shape), *shape, kind, offset)
