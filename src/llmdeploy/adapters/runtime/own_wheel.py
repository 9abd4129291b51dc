"""llmdeploy as a wheel, out of the package that runs: the same bytes for the same sources, wherever it is installed."""

from __future__ import annotations

import base64
import hashlib
import zipfile
from pathlib import Path

from llmdeploy import __version__

PACKAGE = Path(__file__).parents[2]
LEFT_OUT = (
    "__pycache__", "_bundle", "cli", "steps", "targets", "fleet", "methods", "requirement_report", "html_report", "web",
    "monitoring",
)  # fmt: skip
"""What no host runs; a change there leaves the runtime as it is, and the engines running."""
TOO_LARGE = (".gguf",)  # the embedded model travels as an artifact of its own
EPOCH = (1980, 1, 1, 0, 0, 0)
INFO = f"llmdeploy_toolkit-{__version__}.dist-info"
NAME = f"llmdeploy_toolkit-{__version__}-py3-none-any.whl"


def write_own_wheel(folder: Path) -> Path:
    """The wheel, written to `folder`."""
    files = {f"llmdeploy/{path.relative_to(PACKAGE).as_posix()}": path.read_bytes() for path in _sources()}
    files[f"{INFO}/METADATA"] = f"Metadata-Version: 2.1\nName: llmdeploy-toolkit\nVersion: {__version__}\n".encode()
    files[f"{INFO}/WHEEL"] = b"Wheel-Version: 1.0\nGenerator: llmdeploy\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
    record = "".join(f"{name},sha256={_digest(content)},{len(content)}\n" for name, content in files.items())
    files[f"{INFO}/RECORD"] = f"{record}{INFO}/RECORD,,\n".encode()
    target = folder / NAME
    with zipfile.ZipFile(target, "w", zipfile.ZIP_STORED) as wheel:
        for name, content in files.items():
            entry = zipfile.ZipInfo(name, EPOCH)
            entry.external_attr = 0o644 << 16
            wheel.writestr(entry, content)
    return target


def _sources() -> list[Path]:
    return [
        path
        for path in sorted(PACKAGE.rglob("*"))
        if path.is_file()
        and path.suffix not in TOO_LARGE
        and not set(path.relative_to(PACKAGE).parts).intersection(LEFT_OUT)
    ]


def _digest(content: bytes) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(content).digest()).rstrip(b"=").decode()
