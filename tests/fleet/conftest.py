"""Hosts that a fake_ssh answers for: nothing here opens a connection."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.command import Result, llmdeploy

from .documents import document

FAKE_SSH = Path(__file__).parent / "fake_ssh"


class Hosts:
    """A folder with a `hosts.yaml`, and what each of its hosts answers."""

    def __init__(self, folder: Path, answers: Path) -> None:
        self.folder, self.answers = folder, answers

    def listed(self, *lines: str, ssh: str = "{}") -> None:
        (self.folder / "hosts.yaml").write_text(f"ssh: {ssh}\nhosts:\n" + "".join(f"  - {line}\n" for line in lines))

    def answer(self, address: str, **changes: Any) -> None:
        (self.answers / f"{address}.json").write_text(json.dumps(document(**changes)))

    def act(self, address: str, shell: str) -> None:
        """What happens on it in place of an answer."""
        (self.answers / f"{address}.sh").write_text(shell)

    def calls(self) -> list[str]:
        return (self.answers / "calls").read_text().splitlines()

    def many(self, count: int, **changes: Any) -> None:
        names = [f"host{number}" for number in range(1, count + 1)]
        for name in names:
            self.answer(name, **changes)
        self.listed(*(f"{{name: {name}}}" for name in names))

    def run(self, *args: str, hosts: str = "hosts.yaml", variables: Mapping[str, str] | None = None) -> Result:
        command = ("prepare", "--target", "onprem", "--hosts", hosts, *args)
        return llmdeploy(*command, cwd=self.folder, variables=variables)

    def plan(self, *args: str, hosts: str = "hosts.yaml") -> dict[str, Any]:
        result = self.run("--json", *args, hosts=hosts)
        assert result.exit_code == 0, result.stdout + result.stderr
        found: dict[str, Any] = result.json["plan"]
        return found


@pytest.fixture
def hosts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Hosts:
    answers, folder = tmp_path / "answers", tmp_path / "work"
    answers.mkdir()
    folder.mkdir()
    monkeypatch.setenv("PATH", f"{FAKE_SSH}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setenv("FAKE_SSH_ANSWERS", str(answers))
    return Hosts(folder, answers)
