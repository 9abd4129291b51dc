"""Memory of llama.cpp: exact where the engine's log is exact, and never less than the real engine takes."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import pytest

from llmdeploy.plan import CONTEXT_CHECKPOINTS
from llmdeploy.sizing.architecture import Architecture
from llmdeploy.sizing.catalogue.models import short_name
from llmdeploy.sizing.llamacpp import (
    MIB,
    checkpoint_bytes,
    compute_buffer_bytes,
    kv_bytes_per_token,
    kv_cache_bytes,
    llamacpp_memory,
)

from .shapes import DEMO, DEMO_SHAPE, GIB, LLAMA_8B, demo_shape, llama_8b


def shape(hidden: int, heads: int, kv_heads: int, head_dim: int, ffn: int) -> Architecture:
    """Two layers of the given widths."""
    return demo_shape(layers=2, hidden=hidden, heads=heads, kv_heads=kv_heads, head_dim=head_dim, ffn=ffn)


@pytest.mark.parametrize(
    ("name", "per_token"),
    [
        ("demo", 1024),
        ("llama-3.1-8b", 131_072),  # the often quoted 128 KiB
        ("llama-3.2-1b", 32_768),
        ("qwen3-0.6b", 114_688),
        ("qwen2.5-7b", 57_344),
        ("mistral-7b", 131_072),
        ("smollm2-1.7b", 196_608),
    ],
)
def test_kv_bytes_per_token(name: str, per_token: int) -> None:
    row = short_name(name)
    assert row
    assert kv_bytes_per_token(row.architecture) == per_token


def test_k_and_v_may_differ_in_width() -> None:
    assert kv_bytes_per_token(llama_8b(head_dim=192, head_dim_v=128)) == 32 * 8 * (192 + 128) * 2


def test_kv_cache_is_what_llama_cpp_logs() -> None:
    # `llama_kv_cache: size = 8.00 MiB ( 512 cells, 4 layers, 16/16 seqs)`
    assert kv_cache_bytes(DEMO_SHAPE, 512, 16) == 8 * MIB
    # `size = 256.00 MiB ( 8192 cells, 2 layers, 4/4 seqs)`, 8 KV heads of 128
    assert kv_cache_bytes(shape(1024, 16, 8, 128, 3072), 8192, 4) == 256 * MIB


def test_windows_bound_the_kv_cache() -> None:
    row = short_name("gemma-3-1b")
    assert row
    gemma = row.architecture
    per_layer = 1 * 2 * 256 * 2
    assert kv_cache_bytes(gemma, 32_768) == per_layer * (4 * 32_768 + 22 * 1024)
    assert kv_cache_bytes(gemma, 512) == per_layer * 26 * 512


GEMMA_SHAPED = demo_shape(
    family="gemma3",
    layers=12,
    hidden=640,
    heads=4,
    head_dim=256,
    ffn=2048,
    context=8192,
    sliding_window=512,
    sliding_layers=10,
)


def test_a_model_with_windows_as_llama_cpp_runs_it() -> None:
    """Logged: 16.00 MiB (8192 cells, 2 layers) and 10.00 MiB (1024 cells, 10 layers), and 5 MiB a checkpoint."""
    assert kv_cache_bytes(GEMMA_SHAPED, 8192) == 26 * MIB
    assert checkpoint_bytes(GEMMA_SHAPED, 8192) == CONTEXT_CHECKPOINTS * 5 * MIB
    assert "context checkpoints" in [part.name for part in llamacpp_memory(GEMMA_SHAPED, 8192, 1, GIB).parts]
    assert "context checkpoints" not in [part.name for part in llamacpp_memory(LLAMA_8B, 8192, 1, GIB).parts]


# `sched_reserve: CPU compute buffer size`, llama.cpp b11549, flash attention on: (shape, context, MiB)
LOGGED = [
    (shape(192, 3, 1, 64, 512), 512, 5.39),
    (shape(1024, 16, 8, 128, 3072), 512, 28.52),
    (shape(1024, 16, 8, 128, 3072), 2048, 30.02),
    (shape(1024, 16, 8, 128, 3072), 8192, 36.02),
    (shape(2048, 32, 8, 64, 8192), 2048, 70.02),
    (shape(4096, 32, 8, 128, 14336), 8192, 132.02),
    (shape(640, 32, 8, 256, 512), 512, 38.77),
    (shape(640, 32, 32, 256, 512), 512, 70.77),
    (shape(640, 4, 1, 256, 2048), 512, 18.77),
    (shape(1152, 4, 1, 256, 6912), 512, 52.27),
    (GEMMA_SHAPED, 8192, 27.28),
]


@pytest.mark.parametrize(("architecture", "context", "logged"), LOGGED)
def test_compute_buffer_is_what_llama_cpp_logs(architecture: Architecture, context: int, logged: float) -> None:
    query = architecture.heads * architecture.head_dim
    converted = 512 * 2 * max(architecture.ffn, architecture.hidden, query)
    assert (compute_buffer_bytes(architecture, context) - converted) / MIB == pytest.approx(logged, abs=0.04)


def test_parts_add_up_and_say_why() -> None:
    memory = llamacpp_memory(LLAMA_8B, 4096, 4, 16 * GIB)
    parts = {part.name: part for part in memory.parts}
    assert parts["kv cache"].bytes == 2 * GIB
    assert parts["kv cache"].reason == "4 slots x 4096 tokens x 128 KiB"
    assert parts["weights"].reason == "8.0 B parameters in Q4_K_M"
    assert memory.needed_bytes == sum(part.bytes for part in memory.parts)
    assert memory.fits
    assert not llamacpp_memory(LLAMA_8B, 4096, 4, 6 * GIB).fits


@contextmanager
def engine(folder: Path, slots: int) -> Iterator[tuple[int, str]]:
    """The real engine with the embedded model: (process id, address)."""
    key = folder / "key"
    key.write_text("k")
    argv = [sys.executable, "-m", "llmdeploy.engines.llamacpp", "--model", str(DEMO), "--alias", "demo",
            "--host", "127.0.0.1", "--port", "0", "--ctx-size", str(512 * slots), "--parallel", str(slots),
            "--ctx-checkpoints", "4", "--threads", "1", "--api-key-file", str(key)]  # fmt: skip
    with subprocess.Popen(argv, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:
        try:
            assert process.stdout
            found = next(m for line in process.stdout if (m := re.search(r"listening on (?:http://)?(\S+)", line)))
            yield process.pid, f"http://{found.group(1)}"
        finally:
            process.terminate()


def ask(address: str, number: int) -> None:
    question = " ".join(str(number * 7919 + word * 104729) for word in range(30))
    request = urllib.request.Request(  # noqa: S310
        f"{address}/v1/chat/completions",
        data=json.dumps({"messages": [{"role": "user", "content": question}], "max_tokens": 20}).encode(),
        headers={"Authorization": "Bearer k", "Content-Type": "application/json"},
    )
    with urllib.request.urlopen(request, timeout=30) as answer:  # noqa: S310
        assert answer.status == 200


def resident(process: int) -> int:
    rollup = Path(f"/proc/{process}/smaps_rollup").read_text()
    found = re.search(r"^Rss:\s+(\d+) kB", rollup, re.MULTILINE)
    assert found
    return int(found.group(1)) * 1024


@pytest.mark.skipif(not Path("/proc/self/smaps_rollup").exists(), reason="needs Linux's /proc/PID/smaps_rollup")
@pytest.mark.parametrize("slots", [1, 4, 16])
def test_the_real_engine_stays_within_the_prediction(tmp_path: Path, slots: int) -> None:
    """Also after many different prompts: an engine that keeps them outgrows its plan here."""
    predicted = llamacpp_memory(DEMO_SHAPE, 512, slots, GIB).needed_bytes
    with engine(tmp_path, slots) as (process, address), ThreadPoolExecutor(slots) as pool:
        list(pool.map(lambda number: ask(address, number), range(150)))
        taken = resident(process)
    assert 0.6 * predicted <= taken <= predicted, f"{taken / MIB:.1f} MiB taken, {predicted / MIB:.1f} MiB predicted"
