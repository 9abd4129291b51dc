"""A spec that says nothing, and what it costs to read one."""

from __future__ import annotations

import subprocess
import sys

import pydantic
import pytest

from llmdeploy.spec import Money, Slo, Spec, commented_spec, load_spec, parse_spec

EMPTY = [
    "",
    "\n\n",
    "# only a comment\n",
    "---\n",
    "{}",
    "null\n",
    "~",
    "--- {}\n...\n",
    "\ufeff",
    "model:\nworkload:\n",
]


@pytest.mark.parametrize("text", EMPTY)
def test_nothing_said_means_the_defaults(text: str) -> None:
    assert parse_spec(text, "x") == load_spec(None, {}) == Spec()


def test_the_defaults_are_this_machine_and_the_embedded_model() -> None:
    assert Spec().model_dump(mode="json") == {
        "name": "demo",
        "target": "local",
        "model": {"id": "demo", "revision": "", "file": "", "quantization": "auto", "use": "commercial"},
        "engine": "auto",
        "workload": {
            "concurrency": 4,
            "prompt_tokens": 128,
            "output_tokens": 128,
            "task": "chat",
            "users": None,
            "think_time": "30s",
            "hours_per_day": 24.0,
            "slo": {"ttft_p95": "2s", "itl_p95": "200ms", "e2e_p95": None, "min_goodput": 0.95},
        },
        "resources": {"memory": None, "threads": None},
        "data": {"policy": "any", "connectivity": "good"},
        "hosts": {
            "inventory": "",
            "image": "",
            "max_unavailable": 1,
            "public_name": "",
            "virtual_address": "",
            "certificate": "",
            "acme_email": "",
            "acme_directory": "",
            "acme_authority": "",
            "drain": "1m",
            "max_body": "8MiB",
            "rate": 0,
            "pull_from": "",
            "pull_authority": "",
            "alert_webhook": "",
            "alert_mail": {
                "to": "",
                "sender": "",
                "server": "",
                "user": "",
                "password_file": "",
                "authority": "",
                "tls": "required",
            },
        },
        "own": {"hosts": 0, "accelerator": "", "per_host": 1},
        "cloud": {"spot": 0.0},
        "budget": {
            "monthly": None,
            "purchase": None,
            "usd_rate": None,
            "electricity": 0.15,
            "staff_hour": 75.0,
            "write_off": 36,
        },
        "choice": {"weights": {"cost": 0.35, "speed": 0.2, "quality": 0.25, "control": 0.1, "ease": 0.1}},
        "access": {"host": "127.0.0.1", "port": 8080, "served_name": ""},
        "deploy": {"timeout": None},
        "test": {
            "golden": "",
            "min_accuracy": 0.9,
            "load": {"duration": "2s", "rate": None},
        },
        "monitor": {"interval": "30s", "port": 0, "history": "64MiB"},
    }


def test_values_are_in_seconds_bytes_and_money() -> None:
    text = "{workload: {slo: {ttft_p95: 1.5 s}}, resources: {memory: 16GiB}, budget: {monthly: $1500}}"
    spec = parse_spec(text, "x")
    assert spec.workload.slo.ttft_p95 == 1.5
    assert spec.resources.memory == 16 * 2**30
    assert spec.budget.monthly == Money(1500, "USD")


def test_a_model_may_be_its_name_alone() -> None:
    assert parse_spec("model: qwen3-0.6b", "x") == parse_spec("model: {id: qwen3-0.6b}", "x")


def test_quantization_may_be_in_capitals() -> None:
    assert parse_spec("model: {quantization: Q4_K_M}", "x").model.quantization == "q4_k_m"


def test_json_is_a_spec_too() -> None:
    assert parse_spec(Spec().model_dump_json(), "x") == Spec()


def test_code_may_pass_numbers_without_units() -> None:
    assert Slo(ttft_p95=0.5).ttft_p95 == 0.5
    assert Spec(**Spec().model_dump()) == Spec()


def test_a_spec_does_not_change() -> None:
    with pytest.raises(pydantic.ValidationError):
        Spec().name = "other"


def test_no_file_needs_no_yaml_and_parsing_nothing_heavy() -> None:
    code = (
        "import sys; from llmdeploy.spec import load_spec, parse_spec, commented_spec; load_spec(None, {'name': 'x'});"
        "before = 'yaml' in sys.modules; parse_spec(commented_spec(), 'x');"
        "heavy = {'jsonschema', 'rich', 'click', 'httpx', 'psutil', 'difflib', 'asyncio'} & set(sys.modules);"
        "print(before, 'yaml' in sys.modules, sorted(heavy))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split(maxsplit=2) == ["False", "True", "[]\n"]


def test_the_commented_spec_is_the_defaults() -> None:
    assert parse_spec(commented_spec(), "llmdeploy.yaml") == Spec()
