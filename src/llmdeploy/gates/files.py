"""Writes the results of a test step: results.json and junit.xml."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from llmdeploy.gates.junit import junit_xml
from llmdeploy.gates.result import GateResult


def write_results(folder: Path, results: Sequence[GateResult]) -> None:
    """Writes both files into the folder, which is made if need be; a reader sees the old or the new one, whole."""
    folder.mkdir(parents=True, exist_ok=True)
    passed = all(result.passed for result in results)
    document = {"passed": passed, "gates": [result.as_json() for result in results]}
    _replace(folder / "results.json", json.dumps(document, indent=2, allow_nan=False).encode() + b"\n")
    _replace(folder / "junit.xml", junit_xml(results))


def _replace(path: Path, content: bytes) -> None:
    written = path.with_name(f"{path.name}.new")
    written.write_bytes(content)
    written.replace(path)
