"""A spec from its text or its file."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from llmdeploy.errors import Problem, SpecError
from llmdeploy.spec.characters import MAX_BYTES, too_large
from llmdeploy.spec.check import build_spec
from llmdeploy.spec.document import Document, read_document
from llmdeploy.spec.fields import Spec

_NO_OVERRIDES: Mapping[str, object] = {}


def parse_spec(text: str | bytes, source: str, overrides: Mapping[str, object] = _NO_OVERRIDES) -> Spec:
    """The spec that `text` says, `source` being its name in messages.

    `overrides` are values of the command line by dotted path (`workload.concurrency`); None means not given. Raises
    SpecError with every problem.
    """
    return build_spec(read_document(text, source), source, overrides)


def load_spec(path: Path | None, overrides: Mapping[str, object] = _NO_OVERRIDES) -> Spec:
    """The spec in a file of at most 1 MiB; without a file, the defaults: this machine and the embedded model.

    Raises SpecError where the file cannot be read, or is no valid spec.
    """
    if path is None:
        return build_spec(Document(), "defaults", overrides)
    return parse_spec(_content(path), str(path), overrides)


def _content(path: Path) -> bytes:
    source = str(path)
    try:
        with path.open("rb") as file:
            if os.fstat(file.fileno()).st_size > MAX_BYTES:
                raise too_large(source)
            return file.read(MAX_BYTES + 1)
    except FileNotFoundError:
        raise _unreadable(source, "there is no such file", "write one: llmdeploy init") from None
    except IsADirectoryError:
        raise _unreadable(source, "this is a folder, not a file", f"name the file: {path / 'llmdeploy.yaml'}") from None
    except PermissionError:
        raise _unreadable(source, "the file may not be read by this user", f"chmod u+r {path}") from None
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else "its name cannot be used"
        raise _unreadable(source, f"the file cannot be read: {reason}", "name another file") from None


def _unreadable(source: str, message: str, hint: str) -> SpecError:
    return SpecError([Problem("spec", message, hint)], source)
