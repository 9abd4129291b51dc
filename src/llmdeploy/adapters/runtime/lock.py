"""A lock file as it holds for one kind of interpreter.

pip judges the markers of a requirement by the interpreter that it runs under, also where it fetches for another one. So
they are judged here, and what goes to pip and to the host has none.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from packaging.markers import Marker

PIN = re.compile(r"(?P<pin>[^\s;]+==[^\s;]+)(\s*;\s*(?P<marker>.*?))?(?P<rest>\s*(\\|--hash=.*)?)")


@dataclass(frozen=True)
class Python:
    """A host's interpreter: CPython (3, 11) on Linux, x86_64 or aarch64."""

    version: tuple[int, ...]
    architecture: str

    @property
    def dotted(self) -> str:
        return ".".join(map(str, self.version))

    @property
    def name(self) -> str:
        return f"cp{''.join(map(str, self.version))}-{self.architecture}"

    def marks(self) -> dict[str, str]:
        """Its values of the markers of PEP 508. The patch level is not known, and no lock asks for it."""
        return {
            "implementation_name": "cpython",
            "implementation_version": f"{self.dotted}.0",
            "os_name": "posix",
            "platform_machine": self.architecture,
            "platform_python_implementation": "CPython",
            "platform_system": "Linux",
            "python_full_version": f"{self.dotted}.0",
            "python_version": self.dotted,
            "sys_platform": "linux",
            "extra": "",
        }


def lines_for(lock: str, python: Python) -> str:
    """The requirements of `lock` that hold for `python`, with their hashes and without their markers."""
    return "".join(_without_marker(entry) for entry in _entries(lock) if _holds(entry, python))


def _entries(lock: str) -> Iterator[str]:
    """Each requirement with the lines of its hashes, which are indented."""
    entry = ""
    for line in lock.splitlines(keepends=True):
        if line.lstrip().startswith("#"):
            continue
        if entry and not line.startswith((" ", "\t")):
            yield entry
            entry = ""
        entry += line
    if entry.strip():
        yield entry


def _parts(entry: str) -> tuple[str, str, str]:
    first, end, hashes = entry.partition("\n")
    found = PIN.fullmatch(first)
    if found is None:
        raise ValueError(f"no exact version: {first}")
    return found["pin"], found["marker"] or "", f"{found['rest']}{end}{hashes}"


def _holds(entry: str, python: Python) -> bool:
    _, marker, _ = _parts(entry)
    return not marker or Marker(marker).evaluate(python.marks())


def _without_marker(entry: str) -> str:
    pin, _, rest = _parts(entry)
    return f"{pin}{rest}"
