"""Whatever the text is, it ends as a spec or as a SpecError in our own words, and soon."""

from __future__ import annotations

import re
import time

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from llmdeploy.errors import SpecError
from llmdeploy.spec import Spec, commented_spec, parse_spec
from llmdeploy.spec.walk import field_paths

from .corpus import MALFORMED

FOREIGN = re.compile(r"pydantic|Input should|validation error|https?://errors|yaml\.org|Traceback|<class|object at 0x")
VALID = commented_spec().encode()
KEYS = sorted({part for path in field_paths() for part in path})
MANY = settings(deadline=None, max_examples=250, suppress_health_check=list(HealthCheck))


def outcome(text: str | bytes) -> Spec | SpecError:
    """A spec or the error, whose problems are told properly; any other exception fails the test."""
    try:
        return parse_spec(text, "llmdeploy.yaml")
    except SpecError as refusal:
        error = refusal
    assert error.problems
    for problem in error.problems:
        assert problem.path
        assert problem.message
        assert problem.path.isprintable()
        assert problem.message.isprintable()
        assert problem.hint.isprintable()
        assert not FOREIGN.search(f"{problem.message} {problem.hint}")
        assert problem.line is None or problem.line >= 1
    return error


def test_the_corpus_is_large_and_without_repeats() -> None:
    assert len(MALFORMED) == len(set(MALFORMED.values())) >= 300


@pytest.mark.parametrize("name", MALFORMED)
def test_malformed_specs_are_refused(name: str) -> None:
    begun = time.process_time()
    assert isinstance(outcome(MALFORMED[name]), SpecError)
    assert time.process_time() - begun < 5


@pytest.mark.skipif(not hasattr(yaml, "CSafeLoader"), reason="PyYAML has no C reader here, so both tests are one")
def test_the_reader_without_c_refuses_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(yaml, "CSafeLoader")
    accepted = [name for name, text in MALFORMED.items() if isinstance(outcome(text), Spec)]
    assert accepted == []
    assert outcome(VALID) == Spec()


@st.composite
def mutations(draw: st.DrawFn) -> bytes:
    """The commented spec with a few pieces removed, doubled or replaced."""
    data = VALID
    pieces = st.one_of(
        st.binary(max_size=4),
        st.sampled_from(
            [b":", b"\t", b"  ", b"\n", b"{", b"[", b"&a ", b"*a", b"!!x ", b"---\n", b"'", b'"', b"#", b"0", b"|"]
        ),
    )
    for _ in range(draw(st.integers(1, 4))):
        start = draw(st.integers(0, len(data)))
        end = draw(st.integers(start, min(len(data), start + 40)))
        data = data[:start] + draw(st.one_of(pieces, st.just(data[start:end] * 2))) + data[end:]
    return data


scalars = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=12), st.dates(), st.binary(max_size=4)
)
keys = st.one_of(st.sampled_from(KEYS), st.text(max_size=6), st.integers(), st.booleans(), st.none())
structures = st.recursive(
    scalars,
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(keys, inner, max_size=5)),
    max_leaves=25,
)
specs = st.dictionaries(st.sampled_from(sorted(Spec.model_fields)), structures, max_size=6)


@MANY
@given(mutations())
def test_random_changes_to_a_valid_spec(data: bytes) -> None:
    outcome(data)


@MANY
@given(st.one_of(structures, specs))
def test_random_structures(value: object) -> None:
    outcome(yaml.dump(value, allow_unicode=True))


@MANY
@given(st.one_of(st.binary(max_size=200), st.text(max_size=200).map(lambda text: text.encode(errors="surrogatepass"))))
def test_random_bytes(data: bytes) -> None:
    outcome(data)


@MANY
@given(st.text(st.characters(), max_size=100))
def test_random_texts(text: str) -> None:
    outcome(text)


@MANY
@given(st.text(st.sampled_from("{}[]:,-?!&*#|>@`%'\" \n\tab1.~<"), max_size=60))
def test_random_punctuation(text: str) -> None:
    outcome(text)


@MANY
@given(
    st.sampled_from([".".join(path) for path in field_paths()]),
    st.one_of(scalars, st.text(max_size=20), st.lists(st.integers(), max_size=2)),
)
def test_random_overrides(path: str, value: object) -> None:
    try:
        parse_spec(VALID, "x", {path: value})
    except SpecError as refusal:
        error = refusal
    else:
        return
    assert [problem.line for problem in error.problems] == [None] * len(error.problems)
    assert error.source == "command line"
