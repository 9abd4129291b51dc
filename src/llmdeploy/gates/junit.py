"""JUnit XML of gate results, for the pages and gates of CI systems."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from xml.etree import ElementTree as ET

from llmdeploy.gates.result import GateResult

# Everything outside the characters of XML 1.0 (https://www.w3.org/TR/xml/#charsets).
ILLEGAL = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


@dataclass(frozen=True)
class _Test:
    name: str
    seconds: float
    problem: str = ""
    tolerated: bool = False


def junit_xml(results: Sequence[GateResult]) -> bytes:
    """One test suite a gate, one test case a check, and one a golden case.

    A golden case that failed is a failure only where its gate failed; where the score held in spite of it, it is a
    skipped test with the reason, so that it is seen and does not turn a build red that the gate lets pass.
    """
    root = ET.Element("testsuites", name="llmdeploy")
    for result in results:
        _suite(root, result, list(_tests(result)))
    ET.indent(root)
    document: bytes = ET.tostring(root, encoding="utf-8", xml_declaration=True)
    return document


def _tests(result: GateResult) -> Iterator[_Test]:
    for check in result.checks:
        missed = f"{check.value}, wanted {check.bound}" + (f": {check.detail}" if check.detail else "")
        yield _Test(check.name, check.seconds, "" if check.passed else missed)
    for case in result.data.get("cases", ()):
        yield _Test(case["name"], case["seconds"], "; ".join(case["problems"]), tolerated=result.passed)


def _suite(root: ET.Element, result: GateResult, tests: Sequence[_Test]) -> None:
    skipped = sum(bool(test.problem) and test.tolerated for test in tests)
    failed = sum(bool(test.problem) for test in tests) - skipped
    counts = {"tests": len(tests), "failures": failed, "errors": 0, "skipped": skipped}
    suite = ET.SubElement(
        root, "testsuite", {"name": _legal(result.gate), **{name: str(count) for name, count in counts.items()}}
    )
    suite.set("time", f"{result.seconds:.3f}")
    for test in tests:
        attributes = {"classname": f"llmdeploy.{result.gate}", "name": test.name, "time": f"{test.seconds:.3f}"}
        case = ET.SubElement(suite, "testcase", {name: _legal(text) for name, text in attributes.items()})
        if test.problem and test.tolerated:
            ET.SubElement(case, "skipped", message=_legal(f"tolerated by min_accuracy: {test.problem}"))
        elif test.problem:
            failure = ET.SubElement(case, "failure", message=_legal(test.problem), type="missed")
            failure.text = _legal(test.problem)


def _legal(text: str) -> str:
    """Control characters and lone surrogates, which XML cannot hold, written as `\\x1b`."""
    return ILLEGAL.sub(lambda found: found[0].encode("unicode_escape").decode(), text)
