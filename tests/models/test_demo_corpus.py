"""The corpus of the demo model comes out the same everywhere, and the trainer's verbs that need no torch work."""

from __future__ import annotations

import hashlib
import json
import re
import socket
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import pytest
from scripts.demo_model import recipe
from scripts.demo_model.chats import Chats, render
from scripts.demo_model.corpus import pairs
from scripts.demo_model.facts import load_facts

import llmdeploy
from tests.engine_fixture import running_engine

ROOT = Path(__file__).parents[2]
DESCRIPTION = Path(llmdeploy.__file__).parent / "models" / "demo" / "model.json"

# SHA-256 of what the shipped model was trained on: all pairs as JSON lines, and the first 2000 chats in ChatML.
PAIRS = "50339cf7627e76b35d396d8c27c58aba899f1a6c3f6a201e5f9475ae53d8f687"
CHATS = "5429b3ac93934458d7a5fc23c7258493af368b76e9b42c9412e31b5ff59b8f78"


def sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def demo_model(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(ROOT / "scripts" / "demo_model"), *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=300)


def test_the_pairs_are_those_of_the_shipped_model() -> None:
    shown = demo_model("corpus", "--pairs")
    assert shown.returncode == 0, shown.stderr
    assert sha256(shown.stdout) == PAIRS


def test_the_chats_are_those_of_the_shipped_model() -> None:
    chats = islice(Chats(load_facts(), recipe.CHATS_SEED), 2000)
    assert sha256("".join(map(render, chats))) == CHATS


def test_no_chat_holds_a_held_out_question_as_it_is_asked() -> None:
    """Except `4 + 8 =`, which careless typing makes of `4 + 8 = ?`: the model card counts these."""
    facts = load_facts()
    held_out = {pair.question for pair in pairs(facts) if pair.held_out}
    chats = islice(Chats(facts, recipe.CHATS_SEED), 20_000)
    asked = {content for chat in chats for role, content in chat if role == "user"}
    seen = held_out & asked
    assert all(re.fullmatch(r"\d+ [+-] \d+ =", question) for question in seen), seen


def test_the_accuracy_was_measured_on_every_held_out_pair() -> None:
    accuracy = json.loads(DESCRIPTION.read_text(encoding="utf-8"))["accuracy"]
    held_out = Counter(pair.category for pair in pairs(load_facts()) if pair.held_out)
    assert {name: score["asked"] for name, score in accuracy["by_category"].items()} == held_out


def test_eval_asks_a_served_model_and_writes_what_it_measured(tmp_path: Path) -> None:
    key_file, written = tmp_path / "key", tmp_path / "model.json"
    written.write_text(json.dumps({"name": "kept"}))
    with running_engine(slots=4) as (endpoint, _):
        key_file.write_text(endpoint.key.reveal())
        told = ["--url", endpoint.url, "--key-file", str(key_file), "--concurrency", "4"]
        measured = demo_model("eval", *told, "--engine", "llama.cpp", "--write", str(written))
    assert measured.returncode == 0, measured.stderr
    found = json.loads(written.read_text())
    shipped = json.loads(DESCRIPTION.read_text(encoding="utf-8"))["accuracy"]
    assert (found["name"], found["accuracy"]["engine"]) == ("kept", "llama.cpp")
    assert found["accuracy"]["asked"] == shipped["asked"]
    # Another processor may round a near-tie the other way.
    assert abs(found["accuracy"]["right"] - shipped["right"]) <= 5
    total = f"{found['accuracy']['right']} of {found['accuracy']['asked']}"
    assert re.search(rf"^all +{total}$", measured.stdout, re.MULTILINE)
    assert measured.stdout.count("wrong: ") == found["accuracy"]["asked"] - found["accuracy"]["right"]


def test_eval_says_in_one_line_that_nothing_answers(unused_address: str) -> None:
    failed = demo_model("eval", "--url", unused_address)
    assert failed.returncode == 1
    assert failed.stderr.startswith("error: ")
    assert failed.stderr.count("\n") == 1


def test_eval_refuses_what_is_no_address() -> None:
    refused = demo_model("eval", "--url", "localhost:8080")
    assert refused.returncode == 2
    assert "invalid address value: 'localhost:8080'" in refused.stderr


@pytest.fixture
def unused_address() -> Iterator[str]:
    """A port of loopback that is bound, so that nobody else takes it, and does not listen."""
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        yield f"http://127.0.0.1:{bound.getsockname()[1]}"
