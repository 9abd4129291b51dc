"""The embedded model is the file that its description says it is."""

from __future__ import annotations

import hashlib
import json
import urllib.request
from pathlib import Path
from typing import Any

import pytest

import llmdeploy
from tests.engine_fixture import running_engine

FOLDER = Path(llmdeploy.__file__).parent / "models" / "demo"


@pytest.fixture(scope="module")
def description() -> dict[str, Any]:
    read: dict[str, Any] = json.loads((FOLDER / "model.json").read_text(encoding="utf-8"))
    return read


def table(heading: str) -> list[list[str]]:
    """The rows, without head and rule, of the first table under a heading of the model card."""
    card = (FOLDER / "MODEL_CARD.md").read_text(encoding="utf-8")
    section = card.split(f"\n## {heading}\n")[1].split("\n## ")[0]
    first = next(block for block in section.strip().split("\n\n") if block.startswith("| "))
    return [line.strip("| ").split(" | ") for line in first.splitlines()[2:]]


def test_the_file_is_the_one_described(description: dict[str, Any]) -> None:
    content = (FOLDER / description["file"]).read_bytes()
    assert (len(content), hashlib.sha256(content).hexdigest()) == (description["size"], description["sha256"])


def test_the_engine_reads_the_described_shape(description: dict[str, Any]) -> None:
    with running_engine(slots=1) as (endpoint, _):
        authorization = {"Authorization": f"Bearer {endpoint.key.reveal()}"}
        request = urllib.request.Request(f"{endpoint.url}/v1/models", headers=authorization)  # noqa: S310 - loopback
        with urllib.request.urlopen(request, timeout=10) as response:  # noqa: S310
            found = json.load(response)["data"][0]["meta"]
    expected = {
        "n_params": description["parameters"],
        "n_vocab": description["vocabulary"],
        "n_ctx_train": description["context"],
        "n_embd": description["hidden"],
        "ftype": description["quantization"],
    }
    assert {key: found[key] for key in expected} == expected


def test_the_model_card_shows_the_described_figures(description: dict[str, Any]) -> None:
    training = description["training"]
    assert dict(table("Figures")) == {
        "file": description["file"],
        "sha256": description["sha256"],
        "size": f"{description['size']:,} bytes",
        "license": description["license"],
        "architecture": description["architecture"],
        "quantization": description["quantization"],
        "parameters": f"{description['parameters']:,}",
        "layers": str(description["layers"]),
        "hidden size": str(description["hidden"]),
        "feed-forward size": str(description["feed_forward"]),
        "heads": str(description["heads"]),
        "KV heads": str(description["kv_heads"]),
        "head dimension": str(description["head_dim"]),
        "context": f"{description['context']} tokens",
        "vocabulary": f"{description['vocabulary']:,} tokens",
        "training steps": f"{training['steps']:,}",
        "chats trained on": f"{training['chats']:,}",
        "tokens trained on": f"{training['tokens']:,}",
        "answer loss at the end": f"{training['answer_loss']:.5f} nats a token",
        "training time": f"{training['seconds'] / 60:.0f} minutes on 2 CPU cores",
    }


def test_the_model_card_shows_the_measured_accuracy(description: dict[str, Any]) -> None:
    accuracy = description["accuracy"]
    scores = {**accuracy["by_category"], "all": accuracy}
    assert table("Accuracy") == [[name, str(s["right"]), str(s["asked"])] for name, s in scores.items()]
    card = (FOLDER / "MODEL_CARD.md").read_text(encoding="utf-8")
    assert accuracy["engine"] in card
    assert accuracy["date"] in card


def test_the_accuracy_adds_up(description: dict[str, Any]) -> None:
    accuracy = description["accuracy"]
    for figure in ("right", "asked"):
        assert accuracy[figure] == sum(score[figure] for score in accuracy["by_category"].values())
