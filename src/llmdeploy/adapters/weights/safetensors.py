"""The header of a safetensors file: whole and sane, read without touching the weights.

Layout: https://github.com/huggingface/safetensors (8 bytes of length, JSON, data).
"""

from __future__ import annotations

import json
import math
from typing import Any, BinaryIO

from llmdeploy.errors import StepError

LONGEST_HEADER = 100_000_000
"""The limit of the safetensors library itself."""
ITEM_BYTES = {
    "BOOL": 1, "U8": 1, "I8": 1, "F8_E5M2": 1, "F8_E4M3": 1, "F8_E8M0": 1, "I16": 2, "U16": 2, "F16": 2, "BF16": 2,
    "I32": 4, "U32": 4, "F32": 4, "I64": 8, "U64": 8, "F64": 8, "C64": 8,
}  # fmt: skip
HINT = "download the file again, or choose another one"


def check_safetensors(stream: BinaryIO, size: int) -> int:
    """The number of tensors of the safetensors file in `stream`, `size` bytes long.

    Raises StepError unless its header is JSON, every tensor has the bytes that its type and shape ask for, and the
    tensors fill the file from end to end without a gap, as the format demands.
    """
    length = int.from_bytes(stream.read(8), "little")
    if size < 8 or not 2 <= length <= min(LONGEST_HEADER, size - 8):
        raise StepError(f"no safetensors file: a header of {length:,} bytes in {size:,}", HINT)
    raw = stream.read(length)
    try:
        header = json.loads(raw)
    except (ValueError, RecursionError) as error:
        raise StepError("no safetensors file: the header is not JSON", HINT) from error
    if len(raw) < length or not isinstance(header, dict):
        raise StepError("no safetensors file: the header is no JSON object", HINT)
    header.pop("__metadata__", None)
    end = 0
    for start, stop in sorted(_offsets(name, about) for name, about in header.items()):
        if start != end:
            raise StepError(f"the safetensors file has a gap or an overlap at byte {end:,} of its data", HINT)
        end = stop
    if end != size - 8 - length:
        raise StepError(f"the safetensors file is cut off or too long: {size:,} bytes of {8 + length + end:,}", HINT)
    return len(header)


def _offsets(name: str, about: Any) -> tuple[int, int]:
    try:
        start, stop = (_natural(value) for value in about["data_offsets"])
        elements = math.prod(_natural(value) for value in about["shape"])
        item = ITEM_BYTES.get(_text(about["dtype"]))
    except (KeyError, TypeError, ValueError) as error:
        raise StepError(f"tensor {name!r:.80}: no shape, type or place in the header", HINT) from error
    if start > stop or (item is not None and stop - start != elements * item):
        raise StepError(f"tensor {name!r:.80}: bytes {start:,} to {stop:,} do not fit its shape", HINT)
    return start, stop


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError(value)
    return value


def _natural(value: Any) -> int:
    if type(value) is not int or value < 0 or value >= 1 << 62:
        raise ValueError(value)
    return value
