"""vLLM as an engine: what is started and with what, and a whole `up` where vLLM is installed."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
import textwrap
import time
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path

import psutil
import pytest

from llmdeploy.adapters.supervisor import ProcessInfo
from llmdeploy.deployment import Deployment, deployment
from llmdeploy.endpoint import Endpoint
from llmdeploy.engines import Site
from llmdeploy.engines.vllm import ENGINE
from llmdeploy.environment import Environment
from llmdeploy.last_words import last_words
from llmdeploy.plan import Memory, MemoryPart, ModelRef, Plan
from llmdeploy.secret import Secret
from llmdeploy.sizing.config import architecture_of_config
from llmdeploy.sizing.vllm.on_machine import vllm_memory_on_cpu, vllm_memory_on_gpu
from llmdeploy.targets.local.planning import engine_memory
from llmdeploy.targets.local.removing import _processes as left_processes
from llmdeploy.targets.local.watching import status_of
from tests.command import free_port, llmdeploy
from tests.waiting import alive, until

GIB = 2**30
SITE = Site(python="/py", model_path="/weights", key_file="/state/key")


def plan(cache: int = 2 * 2**20, **changes: object) -> Plan:
    whole = Plan(
        name="demo",
        target="local",
        spec={},
        model=ModelRef("tiny", "path", "/weights", "safetensors", 4_000_000),
        served_name="tiny",
        variant="float16",
        engine="vllm",
        context=512,
        slots=4,
        threads=3,
        host="127.0.0.1",
        port=8123,
        memory=Memory((MemoryPart("kv cache", cache, "as planned"),), 16 * GIB),
    )
    return replace(whole, **changes)  # type: ignore[arg-type]


def flags(of: Plan) -> dict[str, str]:
    words = ENGINE.serve(of, SITE).argv
    own = words[words.index("vllm.entrypoints.openai.api_server") + 1 : -1]
    return dict(zip(own[::2], own[1::2], strict=True))


def test_the_plan_becomes_flags() -> None:
    assert flags(plan()) == {
        "--model": "/weights",
        "--served-model-name": "tiny",
        "--host": "127.0.0.1",
        "--port": "8123",
        "--max-model-len": "512",
        "--max-num-seqs": "4",
        "--tensor-parallel-size": "1",
    }


def test_a_health_check_leaves_no_line_in_the_log() -> None:
    """HAProxy asks twice a second: each look was a line (seen on hosts, 0.32.0)."""
    assert ENGINE.serve(plan(), SITE).argv[-1] == "--disable-uvicorn-access-log"


def test_python_looks_for_modules_neither_in_the_folder_nor_in_the_environment() -> None:
    argv = ENGINE.serve(plan(), SITE).argv
    starts = [index for index, word in enumerate(argv) if word == "/py"]
    assert [argv[index + 1] for index in starts] == ["-I", "-I"]


def test_the_key_is_named_by_its_file() -> None:
    argv = ENGINE.serve(plan(), SITE).argv
    assert argv[argv.index("--key-file") + 1] == "/state/key"
    assert argv[argv.index("--variable") + 1] == "VLLM_API_KEY"
    assert "--api-key" not in argv


@pytest.mark.parametrize(("cache", "said"), [(0, "1"), (GIB, "1"), (GIB + 1, "2"), (3 * GIB, "3")])
def test_on_a_cpu_cache_and_threads_are_the_planned_ones(cache: int, said: str) -> None:
    env = ENGINE.serve(plan(cache), SITE).env
    assert env["VLLM_CPU_KVCACHE_SPACE"] == said
    assert (env["VLLM_CPU_OMP_THREADS_BIND"], env["OMP_NUM_THREADS"]) == ("nobind", "3")


def test_on_gpus_no_cpu_setting_is_made() -> None:
    on_gpus = plan(accelerators=("cuda:0 NVIDIA H200", "cuda:3 NVIDIA H200"))
    assert flags(on_gpus)["--tensor-parallel-size"] == "2"
    env = ENGINE.serve(on_gpus, SITE).env
    assert not any(name.startswith(("VLLM_CPU", "OMP")) for name in env)
    assert (env["CUDA_VISIBLE_DEVICES"], env["CUDA_DEVICE_ORDER"]) == ("0,3", "PCI_BUS_ID")


def test_it_asks_the_network_nothing() -> None:
    env = ENGINE.serve(plan(), SITE).env
    assert (env["HF_HUB_OFFLINE"], env["VLLM_NO_USAGE_STATS"], env["DO_NOT_TRACK"]) == ("1", "1", "1")


def test_gguf_is_refused() -> None:
    gguf = ModelRef("demo", "bundled", "/m.gguf", "gguf", 1)
    assert ENGINE.refuses(plan(model=gguf)) == "vLLM reads safetensors, and demo is gguf"
    assert ENGINE.refuses(plan()) == ""


def test_it_is_found_by_its_module_under_whatever_name_it_was_installed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "vllm").mkdir()
    (tmp_path / "vllm" / "__init__.py").touch()
    monkeypatch.syspath_prepend(str(tmp_path))
    assert ENGINE.missing() == ""


def test_where_it_is_not_installed_up_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("llmdeploy.engines.vllm.find_spec", lambda _: None)
    write_config(tmp_path / "tiny")
    result = llmdeploy("up", "-y", "--engine", "vllm", "--model", str(tmp_path / "tiny"), cwd=tmp_path)
    assert result.exit_code != 0
    assert "the package vllm is not installed" in result.stderr


def test_on_a_cpu_the_plan_counts_the_whole_cache_that_is_asked_for() -> None:
    """2,530 MiB PSS, measured with a model of 4 MB and one GiB of cache."""
    shape = {"hidden_size": 192, "intermediate_size": 512, "num_hidden_layers": 4, "num_attention_heads": 3}
    more = {"num_key_value_heads": 1, "head_dim": 64, "vocab_size": 2048, "max_position_embeddings": 512}
    architecture = architecture_of_config({"model_type": "llama", **shape, **more}, 3_940_000)
    memory = vllm_memory_on_cpu(architecture, 512, 4, 16 * GIB)
    assert next(part.bytes for part in memory.parts if part.name == "kv cache") == GIB
    assert 2530 <= memory.needed_bytes / 2**20 <= 2800
    on_a_gpu = vllm_memory_on_gpu(architecture, 512, 4, 16 * GIB)
    assert next(part.bytes for part in on_a_gpu.parts if part.name == "kv cache") < GIB


# What vLLM 0.32.0 wrote when it could not start, shortened.

UNKNOWN_ARCHITECTURE = """\
(APIServer pid=1) WARNING 11-23 07:49:56 [system_utils.py:255] Found ulimit of 20000 and failed to increase it
pydantic_core._pydantic_core.ValidationError: 1 validation error for ModelConfig
  Value error, Model architectures ['NoSuchForCausalLM'] are not supported for now. [type=value_error]
    For further information visit https://errors.pydantic.dev/2.14/v/value_error
"""
OTHER_SHAPE = """\
(Worker pid=3) ERROR 11-23 07:51:43 [multiproc_executor.py:953] WorkerProc failed to start.
(Worker pid=3) ERROR 11-23 07:51:43 [multiproc_executor.py:953] RuntimeError: start (0) + length (640) exceeds 512.
(EngineCore pid=2) ERROR 11-23 07:51:45 [core.py:1510] EngineCore failed to start.
(EngineCore pid=2) ERROR 11-23 07:51:45 [core.py:1510]     self.workers = WorkerProc.wait_for_ready(unready_workers)
(EngineCore pid=2) ERROR 11-23 07:51:45 [core.py:1510]     raise e from None
Exception: WorkerProc initialization failed due to an exception in a background process. See stack trace for root cause.
    raise RuntimeError(
RuntimeError: Engine core initialization failed. See root cause above. Failed core proc(s): {'EngineCore': 1}
"""
NO_LIBRARY = """\
(VllmWorker-0 pid=1986) ERROR 11-25 01:39:03 [multiproc_executor.py:953] WorkerProc failed to start.
(VllmWorker-0 pid=1986) ERROR 11-25 01:39:03 [multiproc_executor.py:953] AttributeError: '_C' has no 'init_memory'
(EngineCore pid=1977) ERROR 11-25 01:39:09 [core.py:1510] EngineCore failed to start.
RuntimeError: Engine core initialization failed. See root cause above. Failed core proc(s): {}
"""


@pytest.mark.parametrize(
    ("log", "said"),
    [
        (UNKNOWN_ARCHITECTURE, "Value error, Model architectures ['NoSuchForCausalLM'] are not supported for now."),
        (OTHER_SHAPE, "RuntimeError: start (0) + length (640) exceeds 512."),
        (NO_LIBRARY, "AttributeError: '_C' has no 'init_memory'"),
        ("llama_model_load: error loading model: bad magic\nmain: bye\n", "llama_model_load: error loading model"),
        ("Killed\n", "Killed"),
        ("", "it wrote nothing"),
    ],
)
def test_its_last_words_name_the_cause(log: str, said: str) -> None:
    assert last_words(log).startswith(said)


def test_down_does_not_overlook_a_worker_that_wrote_a_title_over_its_command_line(tmp_path: Path) -> None:
    folder = tmp_path / ".llmdeploy" / "demo" / "supervisor"
    folder.mkdir(parents=True)
    titled = subprocess.Popen(["VLLM::Worker", "60"], executable="/bin/sleep", cwd=folder)
    try:
        assert [one for one in left_processes(folder.parent) if f"process {titled.pid} (VLLM::Worker" in one]
    finally:
        titled.kill()
        titled.wait()


UNANSWERED = Endpoint("http://127.0.0.1:1", "tiny", Secret("k"))


def deployment_in(folder: Path) -> Deployment:
    return deployment("demo", Environment(io.StringIO(), io.StringIO(), io.StringIO(), folder, {}))


class FakeSupervisor:
    """Knows one process: RUNNING, with an id and a start time."""

    pid, started_at = os.getpid(), 0.0

    def __init__(self, folder: Path) -> None:
        pass

    def process(self, name: str) -> ProcessInfo:
        return ProcessInfo("RUNNING", self.pid, self.started_at, "as supervisor says it")


@pytest.mark.parametrize(("age", "said"), [(60.0, "starting"), (601.0, "failing")])
def test_an_engine_that_runs_and_does_not_answer_is_not_called_running(
    age: float, said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(FakeSupervisor, "started_at", time.time() - age)
    monkeypatch.setattr("llmdeploy.targets.local.watching.Supervisor", FakeSupervisor)
    monkeypatch.setattr("llmdeploy.targets.local.watching.endpoint_of", lambda *_: UNANSWERED)
    status = status_of(plan(spec={"deploy": {"timeout": "10m"}}), deployment_in(tmp_path))
    assert (status.state, status.healthy) == (said, False)


def test_memory_that_the_workers_hold_counts_as_ours(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    hold = "import sys, time; held = bytearray(64 * 2**20); print(flush=True); time.sleep(60)"
    with subprocess.Popen([sys.executable, "-c", hold], stdout=subprocess.PIPE) as worker:
        try:
            assert worker.stdout
            worker.stdout.readline()
            monkeypatch.setattr("llmdeploy.targets.local.planning.Supervisor", FakeSupervisor)
            own = psutil.Process().memory_info()
            assert engine_memory(deployment_in(tmp_path)) > own.rss - own.shared + 50 * 2**20
        finally:
            worker.kill()


# The real one.

SPEC = """\
name: vllm
engine: vllm
model: ./tiny
access: {{port: {port}}}
deploy: {{timeout: 10m}}
workload: {{concurrency: 2, prompt_tokens: 32, output_tokens: 16}}
test: {{golden: golden.yaml, load: {{duration: 1s}}}}
monitor: {{interval: 1s}}
"""
GOLDEN = "cases: [{name: any answer, prompt: one, expect: {max_latency: 60s}}]\n"


def write_config(folder: Path) -> None:
    """A model folder as far as planning reads it."""
    folder.mkdir()
    shape = {"hidden_size": 64, "intermediate_size": 128, "num_hidden_layers": 2, "num_attention_heads": 1}
    more = {"num_key_value_heads": 1, "vocab_size": 512, "max_position_embeddings": 512, "torch_dtype": "bfloat16"}
    config = {"architectures": ["LlamaForCausalLM"], "model_type": "llama", **shape, **more}
    (folder / "config.json").write_text(json.dumps(config))
    (folder / "model.safetensors").write_bytes(bytes(8))


MAKE_MODEL = """\
import sys, string, torch
from tokenizers import Tokenizer, models, pre_tokenizers
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast
torch.manual_seed(0)
pieces = ["<end>", "<unknown>", "one", "the", *string.ascii_letters, *string.digits]
tokenizer = Tokenizer(models.WordLevel({piece: number for number, piece in enumerate(pieces)}, unk_token="<unknown>"))
tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
fast = PreTrainedTokenizerFast(tokenizer_object=tokenizer, eos_token="<end>", unk_token="<unknown>")
fast.chat_template = "{% for message in messages %}{{ message.content }} {% endfor %}"
fast.save_pretrained(sys.argv[1])
config = LlamaConfig(hidden_size=64, intermediate_size=128, num_hidden_layers=2, num_attention_heads=1,
    num_key_value_heads=1, vocab_size=len(pieces), max_position_embeddings=512, tie_word_embeddings=False,
    eos_token_id=0, bos_token_id=0)
LlamaForCausalLM(config).to(torch.bfloat16).save_pretrained(sys.argv[1])
"""


def family_of(folder: Path) -> list[psutil.Process]:
    """Processes that stand in the supervisor's folder, as vLLM's do whatever they call themselves."""
    found = []
    for process in psutil.process_iter(["cwd"]):
        if (process.info["cwd"] or "").startswith(str(folder)) and process.pid != os.getpid() and alive(process):
            found.append(process)
    return found


@pytest.mark.skipif(find_spec("vllm") is None, reason="needs vLLM")
def test_up_with_the_real_one(tmp_path: Path) -> None:
    subprocess.run([sys.executable, "-I", "-c", textwrap.dedent(MAKE_MODEL), str(tmp_path / "tiny")], check=True)
    port = free_port()
    (tmp_path / "llmdeploy.yaml").write_text(SPEC.format(port=port))
    (tmp_path / "golden.yaml").write_text(GOLDEN)
    state = tmp_path / ".llmdeploy" / "vllm"
    try:
        result = llmdeploy("up", "-y", cwd=tmp_path)
        assert result.exit_code == 0, result.stdout + result.stderr
        titles = {part for one in family_of(state) for part in one.cmdline()[:1]}
        assert {"VLLM::EngineCore", "VLLM::Worker"} <= titles
        before = family_of(state)
        server = next(one for one in before if "vllm.entrypoints.openai.api_server" in one.cmdline()[:4])
        server.kill()
        until(lambda: not any("VLLM" in one.name() for one in before if alive(one)), 10)
        until(lambda: '"healthy": true' in llmdeploy("status", "--json", cwd=tmp_path).stdout, 300)
    finally:
        assert llmdeploy("down", cwd=tmp_path).exit_code == 0
    assert family_of(state) == []
