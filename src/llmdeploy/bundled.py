"""Files that are no Python module and travel with the package: the playbooks and the lock of what runs on a host.

In a checkout they lie at its top; a wheel carries them as llmdeploy/_bundle/ (pyproject.toml, force-include).
"""

from __future__ import annotations

from pathlib import Path

from llmdeploy.errors import MissingError

PACKAGE = Path(__file__).parent


def bundled(name: str) -> Path:
    """The file or folder of that name, such as "playbooks" or "requirements/host.txt". Raises MissingError."""
    for place in (PACKAGE / "_bundle", PACKAGE.parents[1]):
        if (found := place / name).exists():
            return found
    raise MissingError(
        f"{name} is missing beside the package in {PACKAGE}",
        "this installation is damaged: install llmdeploy again, from a wheel or from a whole checkout",
    )
