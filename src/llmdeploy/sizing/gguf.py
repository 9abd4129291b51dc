"""The header of a GGUF file: metadata and tensor list, read without touching the weights.

Layout: https://github.com/ggml-org/ggml/blob/master/docs/gguf.md (versions 2 and 3, little endian).
"""

from __future__ import annotations

import math
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from typing import BinaryIO, Final

from llmdeploy.errors import StepError
from llmdeploy.sizing.ggml import TENSOR_TYPES, tensor_bytes

DEFAULT_ALIGNMENT: Final = 32
# Far above any real model, far below what would hurt: the largest vocabularies have 0.3 M tokens, the largest
# models some 3,000 tensors.
MOST_KEYS: Final = 10_000
MOST_TENSORS: Final = 100_000
MOST_ELEMENTS: Final = 4_000_000
LONGEST_KEY: Final = 65_535
LONGEST_TEXT: Final = 16 * 1024 * 1024
LONGEST_HEADER: Final = 256 * 1024 * 1024
LONGEST_KEPT_ARRAY: Final = 1_024
DEEPEST_ARRAY: Final = 4
CHUNK: Final = 1024 * 1024

_SCALARS: Final[dict[int, struct.Struct]] = {
    code: struct.Struct(f"<{letter}")
    for code, letter in zip((0, 1, 2, 3, 4, 5, 6, 7, 10, 11, 12), "BbHhIif?Qqd", strict=True)
}
_STRING: Final = 8
_ARRAY: Final = 9
_U64: Final = struct.Struct("<Q")

HINT: Final = "download the file again, or choose another one"


@dataclass(frozen=True)
class SkippedArray:
    """A list that was passed over: a vocabulary, merges, scores."""

    length: int


Scalar = int | float | bool | str
Value = Scalar | tuple[int | float | bool, ...] | SkippedArray


@dataclass(frozen=True)
class Tensor:
    """One tensor; `offset` is in bytes from the start of the data."""

    name: str
    shape: tuple[int, ...]
    type: int
    offset: int

    @property
    def elements(self) -> int:
        return math.prod(self.shape)

    @property
    def bytes(self) -> int:
        return tensor_bytes(self.type, self.elements)


@dataclass(frozen=True)
class GgufHeader:
    """What the header says; `data_offset` and `expected_size` are in bytes from the start of the file."""

    version: int
    metadata: Mapping[str, Value]
    tensors: tuple[Tensor, ...]
    alignment: int
    data_offset: int

    @property
    def parameters(self) -> int:
        return sum(tensor.elements for tensor in self.tensors)

    @property
    def weight_bytes(self) -> int:
        return sum(tensor.bytes for tensor in self.tensors)

    @property
    def expected_size(self) -> int:
        """Where the last tensor ends; a whole file is at least this long."""
        return self.data_offset + max((t.offset + t.bytes for t in self.tensors), default=0)


def read_gguf(stream: BinaryIO, size: int) -> GgufHeader:
    """The header of the GGUF file in `stream` (seekable, `size` bytes).

    Raises StepError for anything that is not a whole, sane GGUF file: wrong magic, unknown version or tensor
    type, absurd counts, a file shorter than its tensors. Errors of the stream itself pass through.
    """
    source = _Bytes(stream, size)
    magic = source.take(4)
    if magic != b"GGUF":
        raise StepError(f"not a GGUF file: it starts with {magic!r}", "give a .gguf file of an instruct model")
    version = source.u32()
    if version not in (2, 3):
        raise StepError(f"GGUF version {version} is not known, only 2 and 3", _version_hint(version))
    tensor_count = source.count("tensors", MOST_TENSORS, smallest=24)
    key_count = source.count("metadata keys", MOST_KEYS, smallest=13)
    metadata = dict(_pair(source) for _ in range(key_count))
    alignment = _alignment(metadata)
    tensors = tuple(_tensor(source, alignment) for _ in range(tensor_count))
    data_offset = -(-source.position // alignment) * alignment
    header = GgufHeader(version, metadata, tensors, alignment, data_offset)
    if header.expected_size > size:
        raise StepError(f"the GGUF file is cut off: {size:,} bytes of {header.expected_size:,}", HINT)
    return header


def _version_hint(version: int) -> str:
    if version == 1:
        return "version 1 is from 2023: take a newer conversion of the model"
    if version in (0x02000000, 0x03000000):
        return "this is a big-endian file: take the little-endian one"
    return HINT


def _pair(source: _Bytes) -> tuple[str, Value]:
    key = source.text(LONGEST_KEY, "a metadata key")
    return key, _value(source, source.u32(), key)


def _value(source: _Bytes, code: int, key: str) -> Value:
    if code == _STRING:
        return source.text(LONGEST_TEXT, key)
    if code == _ARRAY:
        return _array(source, key)
    return source.scalar(code, key)


def _array(source: _Bytes, key: str, depth: int = 1) -> Value:
    """A short list of numbers as it is, anything else passed over."""
    code = source.u32()
    scalar = _SCALARS.get(code)
    if scalar:
        length = source.count(key, MOST_ELEMENTS, smallest=scalar.size)
        if length <= LONGEST_KEPT_ARRAY:
            raw = source.take(length * scalar.size)
            return tuple(value for (value,) in scalar.iter_unpack(raw))
        source.skip(length * scalar.size)
        return SkippedArray(length)
    if code not in (_STRING, _ARRAY) or depth > DEEPEST_ARRAY:
        raise StepError(f"{shown(key)}: a list of type {code} is not known in a GGUF header", HINT)
    length = source.count(key, MOST_ELEMENTS, smallest=8)
    for _ in range(length):
        if code == _STRING:
            source.skip(source.length(LONGEST_TEXT, key))
        else:
            _array(source, key, depth + 1)
    return SkippedArray(length)


def _alignment(metadata: Mapping[str, Value]) -> int:
    value = metadata.get("general.alignment", DEFAULT_ALIGNMENT)
    if type(value) is not int or not 0 < value <= 1 << 20 or value & (value - 1):
        raise StepError(f"general.alignment: {value!r} is not a power of two", HINT)
    return value


def _tensor(source: _Bytes, alignment: int) -> Tensor:
    name = source.text(LONGEST_KEY, "a tensor's name")
    dimensions = source.u32()
    if not 1 <= dimensions <= 4:
        raise StepError(f"tensor {shown(name)}: {dimensions} dimensions, and GGUF has 1 to 4", HINT)
    shape = tuple(source.u64() for _ in range(dimensions))
    tensor = Tensor(name, shape, source.u32(), source.u64())
    if tensor.type not in TENSOR_TYPES:
        raise StepError(
            f"tensor {shown(name)}: type {tensor.type} is not known",
            "the file is damaged, or uses a quantization newer than this release",
        )
    if min(shape) < 1 or tensor.elements >= 1 << 62 or shape[0] % TENSOR_TYPES[tensor.type][1]:
        raise StepError(f"tensor {shown(name)}: the shape {shape} is not possible", HINT)
    if tensor.offset % alignment:
        raise StepError(f"tensor {shown(name)}: it starts at {tensor.offset}, not aligned to {alignment}", HINT)
    return tensor


def shown(name: str) -> str:
    """A name out of a file as a message may carry it: one line, no control characters, not endless."""
    return name if name.isprintable() and len(name) <= 80 else ascii(name[:60])


class _Bytes:
    """Reads forward through a stream in chunks, so that a remote file costs few requests."""

    def __init__(self, stream: BinaryIO, size: int) -> None:
        self._stream = stream
        self._size = size
        self._chunk = b""
        self._start = 0  # where the chunk starts in the file
        self._at = 0  # where we are in the chunk

    @property
    def position(self) -> int:
        return self._start + self._at

    def take(self, length: int) -> bytes:
        end = self._at + length
        if end > len(self._chunk):
            self._refill(length)
            end = length
        taken = self._chunk[self._at : end]
        self._at = end
        return taken

    def skip(self, length: int) -> None:
        self._within(length)
        self._at += length

    def u32(self) -> int:
        return int.from_bytes(self.take(4), "little")

    def u64(self) -> int:
        return int.from_bytes(self.take(8), "little")

    def scalar(self, code: int, key: str) -> int | float | bool:
        kind = _SCALARS.get(code)
        if kind is None:
            raise StepError(f"{shown(key)}: a value of type {code} is not known in a GGUF header", HINT)
        value: int | float | bool = kind.unpack(self.take(kind.size))[0]
        return value

    def text(self, longest: int, what: str) -> str:
        return self.take(self.length(longest, what)).decode("utf-8", "replace")

    def length(self, longest: int, what: str) -> int:
        length = self.u64()
        if length > longest:
            raise StepError(f"{shown(what)}: a text of {length:,} bytes in a GGUF header", HINT)
        return length

    def count(self, what: str, most: int, *, smallest: int) -> int:
        """A count that the rest of the file can hold, `smallest` bytes each."""
        count = self.u64()
        if count > most or count * smallest > self._size - self.position:
            raise StepError(f"{shown(what)}: {count:,} of them cannot be in a file of {self._size:,} bytes", HINT)
        return count

    def _within(self, length: int) -> None:
        end = self.position + length
        if end > self._size:
            raise StepError(f"the GGUF file is cut off: {self._size:,} bytes, and its header goes on to {end:,}", HINT)
        if end > LONGEST_HEADER:
            raise StepError(f"the GGUF header is longer than {LONGEST_HEADER:,} bytes", HINT)

    def _refill(self, length: int) -> None:
        self._within(length)
        start = self.position
        self._stream.seek(start)
        self._chunk = b""
        while len(self._chunk) < length:
            more = self._stream.read(max(CHUNK, length) - len(self._chunk))
            if not more:
                raise StepError(f"the GGUF file ends at {start + len(self._chunk):,} of {self._size:,} bytes", HINT)
            self._chunk += more
        self._start, self._at = start, 0
