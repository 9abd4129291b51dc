"""A GGUF header is read whole, or refused with a sentence: never with a crash, never slowly."""

from __future__ import annotations

import io
import struct
import time
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from llmdeploy.errors import StepError
from llmdeploy.sizing.gguf import CHUNK, GgufHeader, SkippedArray, read_gguf
from llmdeploy.sizing.gguf_shape import architecture_of_gguf

from .shapes import DEMO, gguf, pair_bools, pair_text, pair_texts, pair_u32, tensor, text

WHOLE = DEMO.read_bytes()


def read(data: bytes, size: int | None = None) -> GgufHeader:
    return read_gguf(io.BytesIO(data), len(data) if size is None else size)


HEADER_BYTES = read(WHOLE).data_offset


def test_the_embedded_model() -> None:
    header = read(WHOLE)
    assert header.version == 3
    assert header.metadata["general.architecture"] == "llama"
    assert header.metadata["tokenizer.ggml.tokens"] == SkippedArray(2048)
    assert header.metadata["tokenizer.ggml.add_bos_token"] is False
    assert header.parameters == 1_967_808
    assert {t.name: t.shape for t in header.tensors}["token_embd.weight"] == (192, 2048)
    assert len(WHOLE) - 32 < header.expected_size <= len(WHOLE)


def test_only_the_header_is_read() -> None:
    class Counting(io.BytesIO):
        taken = 0

        def read(self, size: int | None = -1, /) -> bytes:
            got = super().read(size)
            self.taken += len(got)
            return got

    big = gguf([pair_text("a", "b")], [tensor("w", (32, 1 << 20), 8, 0)], data=34 << 20)
    stream = Counting(big)
    assert read_gguf(stream, len(big)).parameters == 32 << 20
    assert stream.taken <= CHUNK


@pytest.mark.parametrize("version", [2, 3])
def test_versions_two_and_three(version: int) -> None:
    assert read(gguf([pair_u32("a", 7)], [], version=version)).metadata == {"a": 7}


def test_short_number_lists_are_kept_and_texts_passed_over() -> None:
    header = read(gguf([pair_bools("p", [True, False]), pair_texts("t", ["a", "bc"]), pair_u32("after", 5)], []))
    assert header.metadata == {"p": (True, False), "t": SkippedArray(2), "after": 5}


def test_alignment_of_the_file_counts() -> None:
    data = gguf([pair_u32("general.alignment", 64)], [tensor("w", (32,), 8, 64)], data=256)
    assert read(data).data_offset % 64 == 0
    assert read(data).expected_size == read(data).data_offset + 64 + 34


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", "ends at 0|cut off"),
        (b"PK\x03\x04" + bytes(100), "not a GGUF file"),
        (b"<!DOCTYPE html><html></html>", "not a GGUF file"),
        (b"GGUF" + struct.pack("<IQQ", 1, 0, 0), "version 1 is not known"),
        (b"GGUF" + struct.pack(">IQQ", 3, 0, 0), "version 50331648 is not known"),
        (b"GGUF" + struct.pack("<IQQ", 3, 1 << 40, 0), "tensors: 1,099,511,627,776 of them"),
        (b"GGUF" + struct.pack("<IQQ", 3, 0, 9_000) + bytes(50), "metadata keys: 9,000 of them"),
        (gguf([pair_u32("general.alignment", 3)], []), "not a power of two"),
        (gguf([text("k") + struct.pack("<I", 77)], []), "k: a value of type 77"),
        (gguf([text("k") + struct.pack("<IIQ", 9, 4, 1 << 50)], []), "k: 1,125,899,906,842,624 of them"),
        (gguf([text("k") + struct.pack("<IQ", 8, 1 << 50)], []), "k: a text of"),
        (gguf([], [tensor("w", (32,), 99, 0)]), "type 99 is not known"),
        (gguf([], [tensor("w", (31,), 8, 0)]), "shape"),
        (gguf([], [tensor("w", (1 << 40, 1 << 40), 0, 0)]), "shape"),
        (gguf([], [tensor("w", (32,), 8, 5)]), "not aligned"),
        (gguf([], [text("w") + struct.pack("<I", 9) + bytes(100)]), "9 dimensions"),
    ],
)
def test_what_is_wrong_is_said(data: bytes, said: str) -> None:
    with pytest.raises(StepError, match=said) as caught:
        read(data)
    assert caught.value.hint


@pytest.mark.parametrize("name", ["line\nbreak", "\x1b[2J", "\u202egpj", "n" * 5000])
def test_a_name_from_the_file_cannot_disturb_the_terminal(name: str) -> None:
    for pairs, tensors in (([text(name) + struct.pack("<I", 77)], []), ([], [tensor(name, (32,), 99, 0)])):
        with pytest.raises(StepError) as caught:
            read(gguf(pairs, tensors))
        assert caught.value.message.isprintable()
        assert len(caught.value.message) < 200
    with pytest.raises(StepError) as caught:
        architecture_of_gguf(read(gguf([pair_text("general.architecture", name)], [])))
    assert caught.value.message.isprintable()


def test_lists_in_lists_end() -> None:
    nested = struct.pack("<IQ", 9, 1) * 50
    with pytest.raises(StepError, match="a list of type 9"):
        read(gguf([text("k") + struct.pack("<I", 9) + nested], []))


def test_a_cut_file_tells_both_sizes() -> None:
    with pytest.raises(StepError, match=f"cut off: {1_500_000:,} bytes of 2,1"):
        read(WHOLE[:1_500_000])


def test_a_file_shorter_than_was_said() -> None:
    with pytest.raises(StepError, match="ends at 1,000 of"):
        read(WHOLE[:1000], len(WHOLE))


def attempt(data: bytes) -> None:
    """A header or a StepError of one line, within a second."""
    began = time.monotonic()
    said = "fine"
    try:
        architecture_of_gguf(read(data))
    except StepError as error:
        said = error.message
    assert len(said.splitlines()) == 1
    assert time.monotonic() - began < 1


@settings(max_examples=300, deadline=None)
@given(cut=st.integers(0, len(WHOLE)))
def test_cut_anywhere(cut: int) -> None:
    attempt(WHOLE[:cut])


# Most of the header is the vocabulary; what matters is before it and after it.
PLACES = st.one_of(
    st.integers(0, 1_200), st.integers(0, HEADER_BYTES - 1), st.integers(HEADER_BYTES - 4_000, HEADER_BYTES - 1)
)


@settings(max_examples=600, deadline=None)
@given(changes=st.lists(st.tuples(PLACES, st.integers(0, 255)), min_size=1, max_size=8))
def test_changed_bytes(changes: list[tuple[int, int]]) -> None:
    data = bytearray(WHOLE)
    for place, value in changes:
        data[place] = value
    attempt(bytes(data))


@settings(max_examples=300, deadline=None)
@given(place=PLACES, value=st.sampled_from([0, 1, 0x7F, 0xFF, 0x80]), length=st.integers(1, 16))
def test_runs_of_extreme_bytes(place: int, value: int, length: int) -> None:
    """Counts and lengths near the limits of 32 and 64 bits."""
    data = bytearray(WHOLE)
    data[place : place + length] = bytes([value]) * length
    attempt(bytes(data))


@settings(max_examples=200, deadline=None)
@given(tail=st.binary(max_size=400))
def test_noise_after_the_magic(tail: bytes) -> None:
    attempt(b"GGUF\x03\x00\x00\x00" + tail)


def test_a_large_vocabulary_is_quick() -> None:
    words = [f"token{i}" for i in range(262_144)]
    data = gguf([pair_texts("tokenizer.ggml.tokens", words), pair_texts("tokenizer.ggml.merges", words)], [])
    began = time.monotonic()
    header: Any = read(data)
    assert header.metadata["tokenizer.ggml.merges"] == SkippedArray(262_144)
    assert time.monotonic() - began < 2
