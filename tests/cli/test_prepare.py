"""`llmdeploy prepare`: every method on one screen and in JSON, offline, and a plan that is saved."""

from __future__ import annotations

import json
import shutil
import socket
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any, NoReturn

import pytest

from llmdeploy.plan import Plan
from llmdeploy.sizing.machine import Machine
from tests.command import Result, llmdeploy
from tests.sizing.shapes import DEMO

README = Path(__file__).parents[2] / "README.md"
GIB = 2**30
LAPTOP = Machine(
    cores=8.0,
    physical_cores=4,
    instruction_sets=("avx2", "fma", "f16c"),
    memory_total=16 * GIB,
    memory_available=12 * GIB,
    disk_free=100 * GIB,
    os="Debian GNU/Linux 12 (bookworm)",
    architecture="x86_64",
)
EVERY = (
    "this machine", "cloud: AWS", "cloud: Azure", "cloud: GCP", "on-premises: bought", "edge", "hybrid",
    "quantized variant", "smaller model", "distilled model", "rule-based system", "traditional ML",
)  # fmt: skip
CREDENTIALS = (
    "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_PROFILE", "AZURE_CLIENT_ID", "GOOGLE_APPLICATION_CREDENTIALS",
    "HF_TOKEN",
)  # fmt: skip
HEAVY = ("rich", "httpx", "requests", "huggingface_hub", "plotly", "numpy", "torch", "openai", "xllamacpp", "pulumi")


@pytest.fixture(autouse=True)
def _on_a_laptop_without_a_network(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> NoReturn:
        raise AssertionError("the network was asked")

    connect = socket.socket.connect

    def connect_here(one: socket.socket, address: Any) -> None:
        if one.family != socket.AF_UNIX:  # the supervisor of a deployment answers on one
            refuse()
        connect(one, address)

    monkeypatch.setattr(socket.socket, "connect", connect_here)
    for name in ("connect_ex", "sendto"):
        monkeypatch.setattr(socket.socket, name, refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    for module in ("llmdeploy.steps.prepare", "llmdeploy.targets.local.planning"):
        monkeypatch.setattr(f"{module}.read_machine", lambda _: LAPTOP)


def prepare(folder: Path, *args: str, spec: str = "") -> Result:
    if spec:
        (folder / "llmdeploy.yaml").write_text(spec)
    return llmdeploy("prepare", *args, cwd=folder, variables=dict.fromkeys(CREDENTIALS, ""))


def document(folder: Path, *args: str, spec: str = "") -> dict[str, Any]:
    result = prepare(folder, "--json", *args, spec=spec)
    assert result.exit_code == 0, result.stderr
    found: dict[str, Any] = result.json
    return found


def refused(folder: Path, *args: str, spec: str = "") -> tuple[str, str]:
    """The error and the hint that a person reads, of what is not possible."""
    result = prepare(folder, *args, spec=spec)
    assert result.exit_code == 3, result.stdout + result.stderr
    error, hint = result.stderr.strip().splitlines()[-2:]
    assert error.startswith("error: ")
    assert hint.startswith("hint: ")
    return error, hint


class TestDefault:
    def test_table_and_plan_are_printed_and_it_ends_well(self, tmp_path: Path) -> None:
        result = prepare(tmp_path)
        assert result.exit_code == 0, result.stderr
        for name in EVERY:
            assert name in result.stdout
        for column in ("score", "method", "variant", "hardware", "USD/month", "TTFT", "ITL"):
            assert column in result.stdout
        assert ">  " in result.stdout
        assert "plan " in result.stdout
        assert "on local, free" in result.stdout
        assert "llmdeploy demo" in result.stdout

    def test_what_is_chosen_is_marked_and_explained_with_figures(self, tmp_path: Path) -> None:
        lines = prepare(tmp_path, "--target", "aws", "--model", "qwen3-8b").stdout.splitlines()
        (marked,) = [line for line in lines if line.startswith(">")]
        assert "cloud: AWS" in marked
        assert [line for line in lines if line.startswith("    + ")]
        assert any("USD a month" in line for line in lines if line.startswith("    - "))
        assert any("the best by score is" in line for line in lines)

    def test_what_is_not_feasible_stands_with_its_reason(self, tmp_path: Path) -> None:
        out = prepare(tmp_path).stdout
        assert "workload.task is chat: an answer in free words cannot be listed beforehand" in out
        assert "it is q8_0 already" in out

    def test_a_second_run_says_the_same(self, tmp_path: Path) -> None:
        assert prepare(tmp_path).stdout == prepare(tmp_path).stdout

    def test_lines_are_short_enough_for_a_screen(self, tmp_path: Path) -> None:
        table = prepare(tmp_path, "--target", "auto", "--model", "llama-3.3-70b").stdout.splitlines()
        assert max(len(line) for line in table) <= 165


class TestElsewhere:
    def test_a_cloud_is_planned_offline_without_credentials_and_saved_with_its_price(self, tmp_path: Path) -> None:
        result = prepare(tmp_path, "--target", "aws", "--model", "qwen3-8b")
        assert result.exit_code == 0, result.stderr
        saved = Plan.from_json(json.loads((tmp_path / ".llmdeploy/demo/plan.json").read_text()))
        assert saved.target == "aws"
        assert saved.price_per_month > 50
        assert saved.instance
        assert saved.region == "us-east-1"
        assert saved.model.id == "qwen3-8b"
        assert saved.digest in result.stdout
        assert f"{saved.price_per_month:,.0f} USD a month" in result.stdout
        assert saved.instance in result.stdout

    @pytest.mark.parametrize("target", ["azure", "gcp", "onprem", "edge"])
    def test_every_other_place_as_well(self, tmp_path: Path, target: str) -> None:
        found = document(tmp_path, "--target", target, "--model", "qwen3-8b")
        assert found["plan"]["target"] == target
        assert found["decision"]["pinned"] == target
        assert found["plan"]["price_per_month"] > 0

    def test_both_may_be_left_open(self, tmp_path: Path) -> None:
        found = document(tmp_path, "--target", "auto", "--model", "auto")
        assert found["decision"]["model"] == found["plan"]["model"]["id"] == found["plan"]["served_name"]
        assert found["decision"]["model"] not in ("auto", "demo")
        assert found["plan"]["target"] != "auto"
        assert found["plan"]["spec"]["target"] == found["plan"]["target"]
        assert found["plan"]["spec"]["model"]["id"] == found["decision"]["model"]
        assert found["decision"]["pinned"] == ""

    def test_licence_and_gated_access_are_told_with_the_plan(self, tmp_path: Path) -> None:
        result = prepare(tmp_path, "--target", "aws", "--model", "llama-3.3-70b")
        for said in (result.stdout, result.stderr):
            assert "licence llama3.3" in said
            assert "is gated: accept its terms" in said

    @pytest.mark.parametrize("target", ["auto", "local"])
    def test_a_model_for_research_is_refused_with_its_licence(self, tmp_path: Path, target: str) -> None:
        error, hint = refused(tmp_path, "--target", target, "--model", "command-r")
        assert "model.use" in error
        assert "CC BY-NC 4.0 forbids commercial use" in error
        assert "use: research" in hint

    def test_nor_does_up_fetch_it(self, tmp_path: Path) -> None:
        result = llmdeploy("up", "--target", "local", "--model", "command-r", cwd=tmp_path)
        assert result.exit_code == 3
        assert "model.use: command-r: CC BY-NC 4.0 forbids commercial use" in result.stderr
        assert "use: research" in result.stderr

    @pytest.mark.parametrize("own", ["./command-r", "command/r"])
    def test_a_file_of_ones_own_may_have_the_name(self, tmp_path: Path, own: str) -> None:
        (tmp_path / own).parent.mkdir(exist_ok=True)
        shutil.copy(DEMO, tmp_path / own)
        assert prepare(tmp_path, "--target", "local", "--model", own).exit_code == 0

    def test_and_allowed_for_research(self, tmp_path: Path) -> None:
        text = "{target: auto, model: {id: command-r, use: research}}"
        assert document(tmp_path, spec=text)["plan"]["model"]["id"] == "command-r"


def test_the_readme_shows_what_is_printed(tmp_path: Path) -> None:
    """Lines that end with `...` are cut there."""
    command = "$ scripts/llmdeploy prepare --model qwen3-32b --target auto\n"
    shown = README.read_text().partition(command)[2].partition("\n$")[0].splitlines()
    printed = prepare(tmp_path, "--model", "qwen3-32b", "--target", "auto").stdout.splitlines()
    assert len(shown) > 5
    for line in shown:
        assert any(one.startswith(line.removesuffix("...").rstrip()) for one in printed), line


class TestJson:
    @pytest.fixture
    def found(self, tmp_path: Path) -> dict[str, Any]:
        return document(tmp_path, "--target", "aws", "--model", "qwen3-8b", spec="workload: {task: faq}")

    def test_one_document_with_plan_report_and_decision(self, found: dict[str, Any]) -> None:
        assert found["ok"]
        assert found["plan"]["target"] == "aws"
        assert [report["step"] for report in found["reports"]] == ["prepare"]
        (entry,) = [one for one in found["reports"][0]["entries"] if one["name"] == "methods"]
        assert "12 considered" in entry["detail"]
        decision = found["decision"]
        assert set(decision) >= {"model", "need", "chosen", "best", "pinned", "extra_per_month", "rows"}
        assert decision["need"]["task"] == "faq"

    def test_every_row_has_every_figure(self, found: dict[str, Any]) -> None:
        rows = found["decision"]["rows"]
        assert {row["name"] for row in rows} == set(EVERY)
        for row in rows:
            assert bool(row["reason"]) != row["feasible"]
            if not row["feasible"]:
                continue
            assert set(row["parts"]) == {"cost", "speed", "quality", "control", "ease"}
            parts = {name: amount for name, amount in row["price"].items() if name not in NO_PART}
            assert row["price"]["month"] == pytest.approx(sum(parts.values()), abs=0.01)
            if row["offer"]:
                assert row["offer"]["requests_at_once"] > found["decision"]["need"]["concurrency"]
                assert row["offer"]["ttft_p95_s"] <= found["decision"]["need"]["ttft"]

    def test_what_the_pin_costs_is_the_difference(self, found: dict[str, Any]) -> None:
        decision = found["decision"]
        months = {row["name"]: row["price"]["month"] for row in decision["rows"] if row["price"]}
        difference = months[decision["chosen"]] - months[decision["best"]]
        assert decision["extra_per_month"] == pytest.approx(difference, abs=0.02)
        assert decision["chosen"] == "cloud: AWS"
        assert months["cloud: AWS"] == pytest.approx(found["plan"]["price_per_month"], abs=0.01)

    def test_an_impossible_wish_is_a_document_too(self, tmp_path: Path) -> None:
        result = prepare(tmp_path, "--json", spec="{target: auto, model: qwen3-8b, budget: {monthly: 1 USD}}")
        assert result.exit_code == 3
        assert not result.json["ok"]
        assert result.json["error"]["problems"][0]["path"] == "budget.monthly"


NO_PART = ("month", "purchase", "spot_share")


class TestImpossible:
    def test_a_budget_names_the_nearest_plans(self, tmp_path: Path) -> None:
        error, hint = refused(tmp_path, spec="{target: auto, model: llama-3.3-70b, budget: {monthly: 50 USD}}")
        assert "budget.monthly" in error
        assert "nearest: " in hint
        assert hint.count("USD a month") == 3

    def test_a_promise_names_the_nearest_plans(self, tmp_path: Path) -> None:
        error, hint = refused(tmp_path, spec="{target: auto, model: qwen3-8b, workload: {slo: {itl_p95: 1ms}}}")
        assert "workload.slo" in error
        assert hint.count("USD a month") == 3

    def test_a_currency_without_a_rate_names_the_field(self, tmp_path: Path) -> None:
        error, hint = refused(tmp_path, spec="{target: auto, model: qwen3-8b, budget: {monthly: 900 EUR}}")
        assert "budget.monthly" in error
        assert "usd_rate" in hint

    def test_with_a_rate_it_is_compared(self, tmp_path: Path) -> None:
        text = "{target: auto, model: qwen3-8b, budget: {monthly: 900 EUR, usd_rate: 1.1}}"
        found = document(tmp_path, spec=text)
        assert found["decision"]["need"]["budget"] == pytest.approx(990)

    def test_private_data_and_a_cloud(self, tmp_path: Path) -> None:
        error, _ = refused(tmp_path, spec="{target: aws, model: qwen3-8b, data: {policy: private}}")
        assert "data.policy" in error

    def test_no_line_and_a_cloud(self, tmp_path: Path) -> None:
        error, hint = refused(tmp_path, spec="{target: aws, model: qwen3-8b, data: {connectivity: none}}")
        assert "data.connectivity" in error
        assert "edge" in hint

    def test_a_place_that_nothing_plans_for(self, tmp_path: Path) -> None:
        error, hint = refused(tmp_path, "--target", "kubernetes", "--model", "qwen3-8b")
        assert "kubernetes" in error
        assert "onprem" in hint

    def test_no_plan_is_saved(self, tmp_path: Path) -> None:
        refused(tmp_path, spec="{target: auto, model: qwen3-8b, budget: {monthly: 1 USD}}")
        assert not (tmp_path / ".llmdeploy/demo/plan.json").exists()

    def test_this_machine_is_planned_though_it_looks_too_slow_and_that_is_said(self, tmp_path: Path) -> None:
        result = prepare(tmp_path, spec="workload: {slo: {ttft_p95: 1ms}}")
        assert result.exit_code == 0, result.stderr
        assert "it is taken because it is pinned: q8_0: TTFT" in result.stdout
        assert "on local, free" in result.stdout


def weights(folder: Path, name: str) -> str:
    """The toy's weights in a file that is called like a model of the catalogue."""
    from llmdeploy import models

    source = next((Path(models.__file__).parent / "demo").glob("*.gguf"))
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(source.read_bytes())
    return name


class TestOwnWeights:
    @pytest.mark.parametrize("name", ["./qwen3-8b.gguf", "mine/qwen3-8b.gguf"])
    def test_are_compared_by_what_is_in_the_file(self, tmp_path: Path, name: str) -> None:
        found = document(tmp_path, "--model", weights(tmp_path, name))
        assert found["decision"]["model"] == name
        assert found["plan"]["model"]["source"] == "path"
        row = next(row for row in found["decision"]["rows"] if row["name"] == "this machine")
        assert row["feasible"]
        assert row["offer"]["variant"] == f"{name} q8_0"

    def test_are_not_taken_from_the_hub_elsewhere(self, tmp_path: Path) -> None:
        name = weights(tmp_path, "./qwen3-8b.gguf")
        found = document(tmp_path, "--target", "edge", "--model", name)["plan"]
        assert (found["model"]["id"], found["model"]["source"]) == (name, "path")
        assert "licence unknown: no licence is known" in found["warnings"]

    @pytest.mark.parametrize("target", ["auto", "aws"])
    def test_that_are_not_there_are_not_planned(self, tmp_path: Path, target: str) -> None:
        error, hint = refused(tmp_path, "--target", target, "--model", "./qwen3-8b")
        assert "./qwen3-8b is not in the catalogue" in error
        assert "llmdeploy catalogue models" in hint


class TestUnknown:
    @pytest.mark.parametrize("target", ["auto", "aws"])
    def test_a_short_name_that_nothing_answers_to(self, tmp_path: Path, target: str) -> None:
        error, hint = refused(tmp_path, "--target", target, "--model", "qwen3-8bb")
        assert "qwen3-8bb is no short name" in error
        assert "did you mean qwen3-8b" in hint

    def test_on_this_machine_the_methods_are_not_compared_and_that_is_said(self, tmp_path: Path) -> None:
        result = prepare(tmp_path, "--target", "local", "--model", "no-such-model")
        assert result.exit_code == 3
        assert "no-such-model is not in the catalogue: the methods are not compared" in result.stderr


class TestUp:
    """It deploys what this version can set up, and says so of the rest before anything is done."""

    def test_a_place_that_is_chosen_and_needs_machines_asks_for_them(self, tmp_path: Path) -> None:
        result = llmdeploy("up", "-y", "--target", "auto", "--model", "llama-3.3-70b", cwd=tmp_path)
        assert result.exit_code == 3, result.stdout + result.stderr
        assert "hosts.inventory: no machine is named" in result.stderr
        assert "--hosts hosts.yaml" in result.stderr
        assert not (tmp_path / ".llmdeploy/demo/plan.json").exists()

    def test_so_is_one_that_is_pinned(self, tmp_path: Path) -> None:
        result = llmdeploy("up", "-y", "--target", "aws", "--model", "qwen3-8b", cwd=tmp_path)
        assert result.exit_code == 3
        assert "aws is not available in this version" in result.stderr
        assert "available: edge, local, onprem" in result.stderr

    def test_an_impossible_wish_is_refused_in_the_same_words(self, tmp_path: Path) -> None:
        (tmp_path / "llmdeploy.yaml").write_text("{target: auto, model: qwen3-8b, budget: {monthly: 1 USD}}")
        result = llmdeploy("up", "-y", cwd=tmp_path)
        assert result.exit_code == 3
        assert "budget.monthly" in result.stderr
        assert "nearest: " in result.stderr


def test_a_larger_machine_is_compared_as_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    few = document(tmp_path, "--model", "qwen3-0.6b", "--target", "edge")["decision"]["rows"]
    monkeypatch.setattr("llmdeploy.steps.prepare.read_machine", lambda _: replace(LAPTOP, cores=96.0))
    many = document(tmp_path, "--model", "qwen3-0.6b", "--target", "edge")["decision"]["rows"]
    quick = [next(row for row in rows if row["name"] == "this machine") for rows in (few, many)]
    assert quick[1]["feasible"]
    assert not quick[0]["feasible"] or quick[1]["offer"]["itl_s"] < quick[0]["offer"]["itl_s"]


PROGRAM = """
import io, json, pathlib, sys
from llmdeploy.cli.main import program
from llmdeploy.environment import Environment
code = program(sys.argv[2:], Environment(io.StringIO(), io.StringIO(), io.StringIO(), pathlib.Path(sys.argv[1]), {}))
print(json.dumps([int(code), sorted(sys.modules)]))
"""


@pytest.mark.parametrize("args", [(), ("--target", "auto", "--model", "auto"), ("--json", "--target", "aws")])
def test_a_comparison_loads_nothing_heavy(tmp_path: Path, args: tuple[str, ...]) -> None:
    """Libraries for downloads, charts and servers are for the verbs that need them; `rich` is for a terminal."""
    command = [sys.executable, "-I", "-c", PROGRAM, str(tmp_path), "prepare", *args]
    result = subprocess.run(command, capture_output=True, text=True, check=True)
    code, loaded = json.loads(result.stdout)
    assert code == 0
    assert [name for name in loaded if name.partition(".")[0] in HEAVY] == []
