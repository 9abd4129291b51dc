"""Writes the results of a test step: results.json and junit.xml."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from llmdeploy.gates.junit import junit_xml
from llmdeploy.gates.result import GateResult
from llmdeploy.state import write_private


def write_results(folder: Path, results: Sequence[GateResult]) -> None:
    """Writes both files into the folder, which is made if need be; a reader sees the old or the new one, whole."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    passed = all(result.passed for result in results)
    document = {"passed": passed, "gates": [result.as_json() for result in results]}
    write_private(folder / "results.json", json.dumps(document, indent=2, allow_nan=False) + "\n")
    write_private(folder / "junit.xml", junit_xml(results).decode())
