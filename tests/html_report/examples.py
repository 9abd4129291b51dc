"""Runs as they really end: passed, a gate missed, an engine that died, interrupted; and their state folder."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from llmdeploy.environment import Clock
from llmdeploy.errors import ExitCode
from llmdeploy.html_report.record import begun
from llmdeploy.journal import Journal
from llmdeploy.plan import Alternative, Memory, MemoryPart, ModelRef, Plan
from llmdeploy.report import Entry, Report
from llmdeploy.run import Run
from llmdeploy.state import StateFolder

RUN_ID = "20261123-060957-120"
STARTED = begun(RUN_ID) or 0.0
KEY = "ld-not-for-the-page"
MIB = 2**20


def plan(**changes: Any) -> Plan:
    model = ModelRef(
        id="qwen3-0.6b",
        source="hub",
        location="Qwen/Qwen3-0.6B-GGUF",
        format="gguf",
        size_bytes=639_446_688,
        revision="23749fefcc72300e3a2ad315e1317431b06b590a",
        file="Qwen3-0.6B-Q8_0.gguf",
        sha256="9465e63a22add5354d9bb4b99e90117043c7124007664907259bd16d043bb031",
    )
    parts = (
        MemoryPart("weights", 639_446_688, "the file as it is, memory-mapped"),
        MemoryPart("KV cache", 448 * MIB, "28 layers x 8 heads x 128 x 2 x f16, 4 slots of 1,024 tokens"),
        MemoryPart("compute buffers", 299 * MIB, "one batch of 512 tokens, logits of 151,936 words"),
        MemoryPart("runtime", 120 * MIB, "measured: interpreter, libraries, HTTP server"),
    )
    fields: dict[str, Any] = {
        "name": "demo", "target": "local", "spec": {"name": "demo"}, "model": model, "served_name": "qwen3-0.6b",
        "variant": "Q8_0", "engine": "llamacpp", "context": 1024, "slots": 4, "threads": 2, "host": "127.0.0.1",
        "port": 8080, "memory": Memory(parts, 14_905 * MIB),
        "reasons": (
            "Q8_0: the repository's only quantization, and it fits",
            "4 slots: workload.concurrency is 4",
            "context 1,024: prompt 128 + output 128 tokens, rounded up to what the cache is kept in",
            "price: this machine is yours, 0 USD a month",
        ),
        "warnings": ("2 cores serve 4 requests at once: expect a quarter of the speed of one",),
        "alternatives": (Alternative("engine vllm", "vLLM is not installed"),),
    }  # fmt: skip
    return Plan(**{**fields, **changes})


def summary(p50: float, p90: float, p95: float, p99: float, most: float, count: int) -> dict[str, float]:
    figures = {"p50": p50, "p90": p90, "p95": p95, "p99": p99, "max": most, "mean": p50 * 1.1}
    return {**figures, "count": count}


def loop(**changes: Any) -> dict[str, Any]:
    return {
        "seconds": 2.41, "finished": 38, "failed": 0, "unfinished": 0, "gave_up": False, "failures": {},
        "requests_per_s": 15.77, "tokens_per_s": 252.28, "prompt_tokens_mean": 127.4, "completion_tokens_mean": 16.0,
        "goodput": 1.0, "goodput_per_s": 15.77,
        "ttft_ms": summary(41.2, 77.9, 92.6, 118.4, 118.4, 38), "itl_ms": summary(12.1, 15.8, 18.3, 29.9, 44.0, 570),
        "tpot_ms": summary(12.6, 13.9, 14.4, 15.2, 15.2, 38), "e2e_ms": summary(238.4, 281.0, 301.7, 344.1, 344.1, 38),
        "send_lag_ms": summary(0.1, 0.2, 0.2, 0.4, 0.4, 38), **changes,
    }  # fmt: skip


def check(name: str, value: str, bound: str, passed: bool = True, detail: str = "") -> dict[str, Any]:
    return {"name": name, "passed": passed, "value": value, "bound": bound, "detail": detail, "seconds": 0.02}


def gate(name: str, checks: Sequence[dict[str, Any]], data: dict[str, Any], seconds: float) -> dict[str, Any]:
    passed = all(one["passed"] for one in checks)
    return {"gate": name, "passed": passed, "seconds": seconds, "checks": list(checks), "data": data}


def smoke() -> dict[str, Any]:
    client_error = "http 400, 413 or 422 with a message"
    checks = [
        check("health", "http 200", "http 200"),
        check("models", "qwen3-0.6b", "qwen3-0.6b"),
        check("chat", "The capital of France is Paris.", "text and usage", detail="14 + 8 tokens"),
        check("stream", "8 chunks, the same answer", "several chunks, the same answer"),
        check("wrong key", "http 401", "http 401", detail="Invalid API Key"),
        check("no key", "http 401", "http 401", detail="Invalid API Key"),
        check("prompt over the context", "http 400", client_error, detail="the request exceeds the available context"),
        check("malformed JSON", "http 400", client_error, detail="parse error at line 1, column 11"),
        check("chat afterwards", "The capital of France is Paris.", "text and usage", detail="14 + 8 tokens"),
    ]
    return gate("smoke", checks, {"context": 1024}, 0.31)


def golden(failed: int = 1, tolerated: bool = True) -> dict[str, Any]:
    countries = ("France", "Japan", "Brazil", "Kenya", "Norway", "Peru", "Chad", "Laos", "Cuba", "Mali", "Oman", "Fiji")
    cases = [
        {
            "name": f"capital of {country}",
            "passed": index >= failed,
            "weight": 1.0,
            "seconds": 0.08 + 0.002 * (index * 7 % 12) ** 2,
            "answer": f"The capital of {country} is what it is.",
            "problems": [] if index >= failed else ["lacks 'Paris'"],
        }
        for index, country in enumerate(countries)
    ]
    score = (len(cases) - failed) / len(cases)
    value = f"{score:.3f} ({len(cases) - failed} of {len(cases)} cases)"
    found = check("accuracy", value, ">= 0.9", tolerated, "capital of France: lacks 'Paris'" if failed else "")
    return gate("golden", [found], {"accuracy": score, "min_accuracy": 0.9, "cases": cases}, 0.94)


def load(slow: bool = False) -> dict[str, Any]:
    closed, opened = loop(), loop(requests_per_s=9.4, tokens_per_s=150.1, finished=22, goodput_per_s=9.4)
    closed["corrected"] = {
        "interval_ms": 238.4,
        "ttft_ms": summary(41.2, 79.0, 96.1, 118.4, 118.4, 40),
        "e2e_ms": summary(240.0, 284.4, 309.2, 344.1, 344.1, 40),
    }
    p95, failures = 55.9, "0 failed, 22 finished"
    opened["ttft_ms"] = summary(28.4, 48.8, p95, 71.3, 71.3, 22)
    if slow:
        p95, failures = 2740.0, "2 failed, 20 finished"
        opened |= {
            "ttft_ms": summary(812.0, 2210.0, p95, 3120.0, 3120.0, 22),
            "failed": 2,
            "finished": 20,
            "goodput": 0.61,
        }
        opened["failures"] = {"truncated stream": {"count": 2, "example": "the stream ended without [DONE]"}}
    checks = [
        check("warm-up", "0 of 6 requests failed", "0 failed"),
        check("closed loop failures", "0 failed, 38 finished", "0 failed, at least 1 finished"),
        check("closed loop ttft_p95", "96.1 ms", "<= 2000 ms", detail="p50 41.2 ms, max 118 ms, 40 samples"),
        check("closed loop itl_p95", "18.3 ms", "<= 200 ms", detail="p50 12.1 ms, max 44 ms, 570 samples"),
        check("closed loop goodput", "1", ">= 0.95"),
        check("open loop failures", failures, "0 failed, at least 1 finished", not slow),
        check("open loop ttft_p95", f"{p95:g} ms", "<= 2000 ms", not slow),
        check("open loop itl_p95", "18.3 ms", "<= 200 ms"),
        check("open loop goodput", "0.61" if slow else "1", ">= 0.95", not slow),
    ]
    data = {
        "concurrency": 4, "seconds": 2.0, "rate": 9.46, "prompt_tokens": 128, "output_tokens": 16,
        "closed": closed, "open": opened,
    }  # fmt: skip
    return gate("load", checks, data, 5.2)


def lasted(entries: Sequence[Entry]) -> float:
    return sum(entry.seconds for entry in entries)


def prepared(digest: str) -> Report:
    return Report(
        "prepare",
        (
            Entry("this machine", "ok", 0.0312, "Linux, 2 cores, 14.6 of 15.6 GiB memory free, 80 GiB disk free"),
            Entry("model", "ok", 0.412, "qwen3-0.6b: gguf, 0.60 GiB, pinned in the catalogue"),
            Entry("engine", "ok", 0.004, "llamacpp"),
            Entry("size", "ok", 0.011, "1.44 GiB of 14.56 GiB free; 4 slots of 1024 tokens, 2 threads"),
            Entry("note", "warning", 0.0, "2 cores serve 4 requests at once: expect a quarter of the speed of one",
                  "set workload.concurrency: 1 if one user is all there is"),
        ),
        data={"plan": digest, "price_per_month": 0.0},
        seconds=0.4582,
    )  # fmt: skip


def was_set_up(digest: str) -> Report:
    entries = (
        Entry("supervisor", "changed", 0.21, "started"),
        Entry("API key", "changed", 0.0021, "made, in .llmdeploy/demo/key"),
        Entry("engine runtime", "ok", 0.0094, "llamacpp"),
        Entry("port", "ok", 0.0011, "127.0.0.1:8080 is free"),
        Entry("disk", "ok", 0.0002, "80.1 GiB free, 0.79 GiB needed"),
    )
    return Report("setup", entries, data={"plan": digest}, seconds=lasted(entries))


def was_deployed(digest: str) -> Report:
    entries = (
        Entry("weights", "changed", 11.82, "1 file(s) verified by sha256, .llmdeploy/models/qwen3-0.6b"),
        Entry("engine", "changed", 0.006, "started"),
        Entry("first answer", "ok", 1.27, "http://127.0.0.1:8080"),
    )
    return Report("deploy", entries, data={"plan": digest, "restarted": True}, seconds=lasted(entries))


def was_tested(digest: str, gates: Sequence[dict[str, Any]], exit_code: ExitCode = ExitCode.OK) -> Report:
    entries = tuple(
        Entry(one["gate"], "ok" if one["passed"] else "failed", one["seconds"], f"{len(one['checks'])} checks")
        for one in gates
    )
    data = {"plan": digest, "asked": "a1b2c3", "gates": list(gates), "measured": STARTED + 14.2}
    return Report("test", entries, exit_code, data, lasted(entries))


def watched(digest: str) -> Report:
    said = "started, metrics on http://127.0.0.1:9187/metrics, golden prompts every 30 s"
    return Report("monitor", (Entry("prober", "changed", 0.31, said),), data={"plan": digest}, seconds=0.31)


def passed() -> list[Report]:
    digest = plan().digest
    gates = [smoke(), golden(), load()]
    return [prepared(digest), was_set_up(digest), was_deployed(digest), was_tested(digest, gates), watched(digest)]


def gate_missed() -> list[Report]:
    digest = plan().digest
    gates = [smoke(), golden(3, tolerated=False), load(slow=True)]
    return [*passed()[:3], was_tested(digest, gates, ExitCode.GATE), watched(digest)]


def engine_died() -> list[Report]:
    failed = Entry(
        "first answer", "failed", 3.2,
        "the engine ended while it loaded the model: error: failed to allocate buffer of size 4294967296",
        "read its log: `llmdeploy logs --name demo`",
    )  # fmt: skip
    entries = (*was_deployed("").entries[:2], failed)
    return [*passed()[:2], Report("deploy", entries, ExitCode.STEP, {})]


def interrupted() -> list[Report]:
    entry = Entry("weights", "failed", 4.1, "interrupted")
    return [*passed()[:2], Report("deploy", (entry,), ExitCode.INTERRUPTED, {})]


def a_run(reports: Sequence[Report], run_id: str = RUN_ID, took: float = 20.6) -> Run:
    clock = Clock(now=lambda: (begun(run_id) or 0.0) + took)
    return Run(run_id, clock, reports=list(reports))


def a_state(folder: Path, command: str = "up", run_id: str = RUN_ID) -> StateFolder:
    """A deployed one: plan, address, key, and the journal with the run's first line."""
    state = StateFolder(folder / "demo")
    state.create()
    state.save_plan(plan())
    state.save_outputs({"url": "http://127.0.0.1:8080", "model": "qwen3-0.6b", "address": ["127.0.0.1", 8080]})
    state.key_file.write_text(KEY + "\n")
    Journal(state.journal, run_id, Clock()).write("run-started", command=command, version="0.1.0")
    return state
