"""`llmdeploy size` as a person types it: figures, spellings, files, and what it says about names that mean nothing."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from llmdeploy.sizing.catalogue.accelerators import Accelerator, accelerators
from llmdeploy.sizing.catalogue.models import Model, models
from llmdeploy.sizing.load import Load
from llmdeploy.sizing.quantization import QUANTIZATIONS, Quantization
from llmdeploy.sizing.question import Question
from llmdeploy.sizing.size import size
from tests.command import Result, llmdeploy

from .shapes import DEMO
from .test_config import LLAMA_8B

SPEEDS = {"batch", "ttft_ms", "itl_ms", "output_tokens_per_second"}
FIGURES = {
    "parameters", "active_parameters", "weights_gib_per_gpu", "non_torch_gib", "activation_gib", "graphs_gib",
    "kv_cache_gib", "kv_bytes_per_token", "kv_cache_tokens", "max_model_len", "max_concurrency", "fits", "missing_gib",
    "tensor_parallel", "pipeline_parallel", "host_layers",
}  # fmt: skip
ABOUT = {
    "model", "known_from", "family", "quantization", "engine", "accelerator", "count", "memory_gib", "uncertainty",
    "smallest", "flags", "notes",
}  # fmt: skip
LLAMA = ("--model", "meta-llama/Llama-3.1-8B-Instruct")


def asked(*args: str, cwd: Path) -> Result:
    """No name of the hub is asked for: it is not there."""
    return llmdeploy("size", *args, cwd=cwd, variables={"HF_HUB_OFFLINE": "1", "HF_ENDPOINT": "http://127.0.0.1:1"})


def sized(*args: str, cwd: Path) -> dict[str, Any]:
    result = asked(*args, "--json", cwd=cwd)
    assert result.exit_code == 0, result.stderr
    found: dict[str, Any] = result.json
    return found


def test_every_figure_is_there(tmp_path: Path) -> None:
    found = sized(*LLAMA, "--accelerator", "h100", cwd=tmp_path)
    assert set(found) == ABOUT | FIGURES | SPEEDS
    assert found["parameters"] == 8_030_261_248
    assert found["kv_bytes_per_token"] == 131_072
    assert found["weights_gib_per_gpu"] == pytest.approx(14.96, abs=0.05)
    assert found["max_model_len"] == 131_072
    assert (found["fits"], found["missing_gib"]) == (True, 0)
    assert (found["engine"], found["quantization"], found["accelerator"]) == ("vllm", "bf16", "h100-sxm")
    assert found["smallest"]["count"] == 1
    assert all(found[name] > 0 for name in SPEEDS)


def test_every_figure_lies_in_its_range(tmp_path: Path) -> None:
    found = sized(*LLAMA, "--accelerator", "l4", "--concurrency", "4", cwd=tmp_path)
    for name, between in found["uncertainty"].items():
        assert between["low"] <= found[name] * 1.001, name
        assert found[name] <= between["high"] * 1.001, name
    assert {"kv_cache_tokens", "itl_ms", "ttft_ms", "output_tokens_per_second"} <= set(found["uncertainty"])


@pytest.mark.parametrize(
    ("spelling", "name"),
    [
        ("h100", "h100-sxm"),
        ("H100-80GB", "h100-sxm"),
        ("nvidia-h100-80gb", "h100-sxm"),
        ("A10G", "a10g"),
        ("L40S", "l40s"),
        ("NVIDIA GeForce RTX 4090", "rtx-4090"),
    ],
)
def test_spellings_of_an_accelerator(spelling: str, name: str, tmp_path: Path) -> None:
    assert sized(*LLAMA, "--accelerator", spelling, cwd=tmp_path)["accelerator"] == name


@pytest.mark.parametrize(
    "spelling", ["llama-3.1-8b", "Llama-3.1-8B-Instruct", "meta-llama/Llama-3.1-8B", "LLAMA_3.1_8B"]
)
def test_spellings_of_a_model(spelling: str, tmp_path: Path) -> None:
    assert sized("--model", spelling, "--accelerator", "l4", cwd=tmp_path)["parameters"] == 8_030_261_248


def test_memory_alone_is_enough_and_says_nothing_about_speed(tmp_path: Path) -> None:
    found = sized(*LLAMA, "--memory-gib", "24", cwd=tmp_path)
    assert found["accelerator"] is None
    assert 23 < found["memory_gib"] < 24
    assert found["kv_cache_tokens"] > 0
    assert {found[name] for name in SPEEDS} == {None}
    assert "itl_ms" not in found["uncertainty"]


def test_memory_goes_before_what_is_known_of_the_accelerator(tmp_path: Path) -> None:
    whole, part = (sized(*LLAMA, "--accelerator", "h100", *more, cwd=tmp_path) for more in ((), ("--memory-gib", "40")))
    assert part["memory_gib"] < 40 < whole["memory_gib"]
    assert part["kv_cache_tokens"] < whole["kv_cache_tokens"]


def test_an_accelerator_that_is_not_known_is_said_where_the_memory_is(tmp_path: Path) -> None:
    found = sized(*LLAMA, "--accelerator", "b9000", "--memory-gib", "100", cwd=tmp_path)
    assert found["accelerator"] is None
    assert "the accelerator b9000 is not known" in found["notes"][0]


@pytest.mark.parametrize("folder", [False, True])
def test_a_config_of_ones_own(folder: bool, tmp_path: Path) -> None:
    path = tmp_path / "mine" / "config.json"
    path.parent.mkdir()
    path.write_text(json.dumps({**LLAMA_8B, "num_hidden_layers": 16}))
    given_path = path.parent if folder else path
    found = sized("--model", "mine", "--config", str(given_path), "--accelerator", "l4", cwd=tmp_path)
    assert found["parameters"] == 1_050_673_152 + 4096 + 16 * 218_112_000
    assert found["known_from"] == str(path)
    assert found["notes"] == []


def test_a_folder_as_model(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text(json.dumps(LLAMA_8B))
    assert sized("--model", ".", "--accelerator", "l4", cwd=tmp_path)["parameters"] == 8_030_261_248


def test_a_gguf_file_as_model_is_served_by_llama_cpp(tmp_path: Path) -> None:
    found = sized("--model", str(DEMO), "--accelerator", "raspberry-pi-5", cwd=tmp_path)
    assert (found["engine"], found["parameters"], found["quantization"]) == ("llamacpp", 1_967_808, "q8_0")
    assert found["fits"]


def test_a_family_that_is_not_known_is_said(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text(json.dumps({**LLAMA_8B, "model_type": "brandnew"}))
    found = sized("--model", "mine", "--config", "config.json", "--accelerator", "l4", cwd=tmp_path)
    assert found["notes"] == ["the family brandnew is not known here: sized as a Llama-shaped decoder"]
    assert "brandnew is not known" in asked("--model", ".", "--accelerator", "l4", cwd=tmp_path).stdout


def test_a_name_that_only_looks_like_a_model_is_said(tmp_path: Path) -> None:
    found = sized("--model", "somebody/Meta-Llama-3.1-8B-Instruct-AWQ", "--accelerator", "l4", cwd=tmp_path)
    assert found["quantization"] == "awq"
    assert "is not in the catalogue" in found["notes"][0]


def test_what_does_not_fit_is_an_answer_not_an_error(tmp_path: Path) -> None:
    found = sized("--model", "llama-3.3-70b", "--accelerator", "l4", cwd=tmp_path)
    assert found["fits"] is False
    assert found["missing_gib"] > 100
    assert found["smallest"]["count"] == 8
    assert {found[name] for name in SPEEDS} == {None}
    told = asked("--model", "llama-3.3-70b", "--accelerator", "l4", cwd=tmp_path)
    assert told.exit_code == 0
    assert "does not fit" in told.stdout
    assert "fits on   8 of them" in told.stdout


def test_as_many_devices_as_it_says_are_enough(tmp_path: Path) -> None:
    args = ("--model", "llama-3.3-70b", "--accelerator", "a100-80gb")
    few = sized(*args, cwd=tmp_path)
    assert few["fits"] is False
    count = few["smallest"]["count"]
    enough = sized(*args, "--count", str(count), cwd=tmp_path)
    assert enough["fits"] is True
    assert enough["tensor_parallel"] * enough["pipeline_parallel"] == count


@pytest.mark.parametrize(
    ("args", "said", "hint"),
    [
        (("--model", "qwen3-0.6", "--accelerator", "l4"), "qwen3-0.6 is no short name", "qwen3-0.6b"),
        (("--model", "zzzz", "--accelerator", "l4"), "zzzz is no short name", "llmdeploy catalogue models"),
        ((*LLAMA, "--accelerator", "h1000"), "h1000 is not known", "did you mean h100-sxm"),
        ((*LLAMA, "--accelerator", "zzzzzz"), "zzzzzz is not known", "llmdeploy catalogue accelerators"),
        (LLAMA, "neither --accelerator nor --memory-gib", "--accelerator l4"),
        ((*LLAMA, "--accelerator", "l4", "--quantization", "q9"), "q9 is not known", "q4_k_m"),
        ((*LLAMA, "--accelerator", "l4", "--kv-cache-dtype", "q9"), "q9 is not known", "fp8"),
        ((*LLAMA, "--accelerator", "l4", "--engine-version", "new"), "'new' is not a version", "0.19.0"),
        ((*LLAMA, "--accelerator", "l4", "--config", "absent.json"), "absent.json is not a file", "config.json"),
        ((*LLAMA, "--accelerator", "l4", "--count", "0"), "--count", ""),
        (("--accelerator", "l4"), "--model", ""),
    ],
)
def test_what_means_nothing_is_told_with_a_hint(args: tuple[str, ...], said: str, hint: str, tmp_path: Path) -> None:
    result = asked(*args, cwd=tmp_path)
    assert result.exit_code == 2
    assert said in result.stderr
    assert hint in result.stderr
    assert "Traceback" not in result.stderr


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"{", 2),
        (b"[]", 2),
        (b"\xff\xfe", 2),
        (b'{"model_type": "llama"}', 5),
        (b"{}", 5),
        (b'{"hidden_size": "x"}', 5),
    ],
)
def test_a_config_that_cannot_be_read_is_told(content: bytes, code: int, tmp_path: Path) -> None:
    (tmp_path / "config.json").write_bytes(content)
    for args, expected in ((("--model", "x", "--config", "config.json"), code), (("--model", "."), 5)):
        result = asked(*args, "--accelerator", "l4", cwd=tmp_path)
        assert result.exit_code == expected
        assert "config.json" in result.stderr
        assert "Traceback" not in result.stderr


def test_a_repository_that_is_not_known_needs_the_hub(tmp_path: Path) -> None:
    result = asked("--model", "somebody/something-new", "--accelerator", "l4", cwd=tmp_path)
    assert result.exit_code == 4
    assert "hint:" in result.stderr


# What options change


def test_fewer_bits_leave_more_cache(tmp_path: Path) -> None:
    tokens = [
        sized(*LLAMA, "--accelerator", "a100-40gb", "--quantization", name, cwd=tmp_path)["kv_cache_tokens"]
        for name in ("bf16", "fp8", "awq")
    ]
    assert tokens == sorted(tokens)
    assert tokens[0] < tokens[-1]


def test_a_cache_of_eight_bits_holds_twice_as_much(tmp_path: Path) -> None:
    args = (*LLAMA, "--accelerator", "l4", "--max-model-len", "4096")
    full, half = (sized(*args, "--kv-cache-dtype", name, cwd=tmp_path) for name in ("auto", "fp8"))
    assert half["kv_bytes_per_token"] * 2 == full["kv_bytes_per_token"]
    assert half["kv_cache_tokens"] == pytest.approx(2 * full["kv_cache_tokens"], rel=0.001)


def test_more_of_the_memory_holds_more(tmp_path: Path) -> None:
    args = (*LLAMA, "--accelerator", "l4")
    less, more = (
        sized(*args, "--gpu-memory-utilization", share, cwd=tmp_path)["kv_cache_gib"] for share in ("0.8", "0.95")
    )
    assert more - less == pytest.approx(0.15 * sized(*args, cwd=tmp_path)["memory_gib"], rel=0.01)


def test_without_graphs_their_memory_is_cache(tmp_path: Path) -> None:
    args = (*LLAMA, "--accelerator", "l4")
    graphs, eager = sized(*args, cwd=tmp_path), sized(*args, "--enforce-eager", cwd=tmp_path)
    assert eager["graphs_gib"] == 0 < graphs["graphs_gib"]
    assert eager["kv_cache_gib"] == pytest.approx(graphs["kv_cache_gib"] + graphs["graphs_gib"], abs=0.002)


def test_a_gguf_type_is_served_by_llama_cpp_unless_asked(tmp_path: Path) -> None:
    args = (*LLAMA, "--accelerator", "rtx-4090", "--quantization", "Q4_K_M")
    assert sized(*args, cwd=tmp_path)["engine"] == "llamacpp"
    assert sized(*args, "--engine", "vllm", cwd=tmp_path)["engine"] == "vllm"
    assert sized(*LLAMA, "--accelerator", "m4-max", cwd=tmp_path)["engine"] == "llamacpp"


def test_more_at_once_is_more_together_and_less_each(tmp_path: Path) -> None:
    one, many = (sized(*LLAMA, "--accelerator", "h100", "--concurrency", count, cwd=tmp_path) for count in ("1", "64"))
    assert many["output_tokens_per_second"] > 10 * one["output_tokens_per_second"]
    assert many["itl_ms"] > one["itl_ms"]


def test_a_screen_tells_the_parts_and_the_speed(tmp_path: Path) -> None:
    told = asked(*LLAMA, "--accelerator", "h100", "--concurrency", "8", cwd=tmp_path).stdout
    assert "8.0 B parameters in bf16, vllm, 1 x NVIDIA H100" in told
    assert "14.96 GiB  weights" in told
    assert "left for the KV cache" in told
    assert "tokens/s" in told
    assert "e+" not in told
    assert len(told.splitlines()) <= 25
    assert max(map(len, told.splitlines())) <= 120


# Whatever is asked


DEVICES, MODELS = accelerators(), models()


@settings(max_examples=400, deadline=None)
@given(
    row=st.sampled_from(MODELS),
    device=st.sampled_from(DEVICES),
    stored=st.sampled_from([None, *QUANTIZATIONS.values()]),
    count=st.sampled_from([1, 2, 3, 4, 8, 16]),
    length=st.one_of(st.none(), st.integers(1, 200_000)),
    concurrency=st.integers(1, 300),
)
def test_any_model_on_any_device(
    row: Model,
    device: Accelerator,
    stored: Quantization | None,
    count: int,
    length: int | None,
    concurrency: int,
) -> None:
    of = stored or row.published
    load = Load(concurrency, 512, 128)
    question = Question(
        row.architecture, of, device.visible_gib, device, count, "llamacpp" if of.gguf else "vllm", length, load=load
    )
    found = size(question)
    assert found.layout.devices == count
    assert found.fits == (found.missing == 0)
    assert found.fits == (found.served is not None)
    if found.fits:
        assert found.kv_cache_tokens > 0
        assert found.weights + found.non_torch + found.activation + found.graphs < found.usable
        assert found.served
        assert min(found.served.ttft, found.served.itl, found.served.tokens_per_second) > 0
    else:
        assert round(found.missing / 2**30, 3) > 0


# In a process of its own: what it loads, and that it opens no connection.
ALONE = """
import json, pathlib, re, resource, runpy, sys
def watch(event, arguments):
    if event.startswith(("socket.", "subprocess.", "urllib.")):
        raise SystemExit(f"{event} {arguments}")
sys.addaudithook(watch)
sys.argv = ["llmdeploy", "size", *sys.argv[1:]]
try:
    runpy.run_module("llmdeploy", run_name="__main__")
except SystemExit as stop:
    assert not stop.code, stop.code
status = pathlib.Path("/proc/self/status")  # getrusage counts the parent's memory from before exec
if status.exists():
    taken = int(re.search(r"VmHWM:\\s+(\\d+) kB", status.read_text())[1]) / 2**10
else:
    taken = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (2**20 if sys.platform == "darwin" else 2**10)
print(json.dumps([taken, sorted({name.split(".")[0] for name in sys.modules})]), file=sys.stderr)
"""
HEAVY = {"rich", "httpx", "huggingface_hub", "yaml", "pydantic", "jsonschema", "plotly", "psutil", "asyncio", "socket"}


def test_it_is_small_and_opens_no_connection(tmp_path: Path) -> None:
    command = [sys.executable, "-I", "-c", ALONE, *LLAMA, "--accelerator", "h100", "--json"]
    result = subprocess.run(command, cwd=tmp_path, env={"HOME": str(tmp_path)}, capture_output=True, text=True)
    assert result.returncode == 0, result.stderr
    taken, loaded = json.loads(result.stderr.splitlines()[-1])
    assert json.loads(result.stdout)["fits"] is True
    assert set(loaded) & HEAVY == set()
    assert taken < 40
    assert list(tmp_path.iterdir()) == []


def test_layers_that_the_device_has_no_room_for_go_to_the_host(tmp_path: Path) -> None:
    asked = (
        "size",
        "--model",
        "llama-3.3-70b",
        "--accelerator",
        "rtx-4090",
        "--quantization",
        "q4_k_m",
        "--max-model-len",
        "8192",
    )
    alone = llmdeploy(*asked, "--json", cwd=tmp_path).json
    helped = llmdeploy(*asked, "--host-memory-gib", "48", "--json", cwd=tmp_path).json
    short = llmdeploy(*asked, "--host-memory-gib", "8", "--json", cwd=tmp_path).json
    assert (alone["fits"], alone["host_layers"]) == (False, 0)
    assert helped["fits"]
    assert 0 < helped["host_layers"] < 80
    assert helped["flags"] == [f"--n-gpu-layers {80 - helped['host_layers']}"]
    assert helped["weights_gib_per_gpu"] < 23.6
    assert not short["fits"]
    quicker = llmdeploy(*asked, "--host-memory-gib", "48", "--host-cores", "32", "--json", cwd=tmp_path).json
    assert quicker["itl_ms"] < helped["itl_ms"]
