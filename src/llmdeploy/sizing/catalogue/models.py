"""Open-weight models: their shape, licence and published quality, and where GGUF files of them are."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

from llmdeploy.sizing.architecture import Architecture
from llmdeploy.sizing.catalogue.names import said_by
from llmdeploy.sizing.catalogue.rows import key_of, read_rows
from llmdeploy.sizing.config import architecture_of_config
from llmdeploy.sizing.quantization import QUANTIZATIONS, Quantization, published_quantization, weight_bytes

BUNDLED = "demo"


@dataclass(frozen=True)
class GgufFile:
    """One GGUF file of a model; `revision` (commit) and `sha256` are empty where no public source gives them."""

    repository: str
    file: str
    revision: str
    sha256: str
    size_bytes: int
    quantization: str
    source: str
    date: str


@dataclass(frozen=True)
class Model:
    """One model. `parameters` and `active_parameters` are the publisher's figures (`parameters_exact` where to the
    last one), `mmlu` and `mmlu_pro` published scores of 100, null where there are none. `config` are the figures of the
    publisher's config.json that decide the shape. `repository` is empty for the model that comes with llmdeploy.
    `teacher` is what it was distilled from, as its publisher says.
    A model that is not in the catalogue has its `shape` and how it is `stored` instead."""

    name: str
    title: str
    repository: str
    aliases: tuple[str, ...]
    license: str
    gated: bool
    released: str
    parameters: int
    parameters_exact: bool
    active_parameters: int | None
    dtype: str
    mmlu: float | None
    mmlu_pro: float | None
    quality_source: str | None
    config: Mapping[str, Any]
    files: tuple[GgufFile, ...]
    source: str
    date: str
    config_note: str = ""
    teacher: str = ""
    shape: Architecture | None = None
    stored_as: Quantization | None = None

    @property
    def bundled(self) -> bool:
        return self.name == BUNDLED

    @cached_property
    def architecture(self) -> Architecture:
        """The shape, with weights as published."""
        return self.shape or architecture_of_config(self.config)

    @cached_property
    def published(self) -> Quantization:
        """How the publisher stores the weights."""
        if self.stored_as:
            return self.stored_as
        if "quantization_config" in self.config:
            return published_quantization(self.config)
        return published_quantization({"dtype": self.dtype})

    def stored(self, file: GgufFile) -> Architecture:
        """What a GGUF file will turn out to hold, known before it is fetched."""
        return replace(self.architecture, weight_bytes=file.size_bytes, quantization=file.quantization)

    def in_(self, quantization: Quantization) -> Architecture:
        """The shape with weights in that quantization."""
        size = weight_bytes(self.architecture, quantization)
        return replace(self.architecture, weight_bytes=size, quantization=quantization.name)


def unlisted(name: str, shape: Architecture, stored_as: Quantization, source: str) -> Model:
    """A model that is known by its config.json or its file alone: no licence, no scores, no files."""
    return Model(
        name=name, title=name, repository=name, aliases=(), license="unknown", gated=False, released="",
        parameters=shape.parameters, parameters_exact=False, active_parameters=None, dtype=stored_as.name, mmlu=None,
        mmlu_pro=None, quality_source=None, config={}, files=(), source=source, date="", shape=shape,
        stored_as=stored_as,
    )  # fmt: skip


def models() -> tuple[Model, ...]:
    """Every row, in the order of the file: smallest first."""
    return tuple(
        Model(**{**row, "aliases": tuple(row["aliases"]), "files": tuple(GgufFile(**one) for one in row["files"])})
        for row in read_rows("models")
    )


@dataclass(frozen=True)
class Named:
    """A model that a name stands for. `quantization` is what the name itself says (`...-AWQ`), null where nothing;
    `guessed` where the name only looks like the model's."""

    model: Model
    quantization: Quantization | None
    guessed: bool


def find_model(name: str, known: tuple[Model, ...] | None = None) -> Named | None:
    """The row of a short name, a Hugging Face id or a usual spelling; None where there is none.

    Case, dashes and an ending such as `-Instruct` do not matter. An id of somebody else's repository is taken by its
    last part, and an ending such as `-AWQ` or `-FP8` for how it is quantized.
    """
    rows = known if known is not None else models()
    exact, said = key_of(name), said_by(name)
    stored = QUANTIZATIONS[said.quantization] if said.quantization else None
    for row in rows:
        if exact in {key_of(one) for one in (row.name, row.repository) if one}:
            return Named(row, None, False)
        if exact in {key_of(alias) for alias in row.aliases}:
            return Named(row, stored, False)  # a second repository of the publisher
    for row in rows:
        if said.bare in {said_by(one).bare for one in (row.name, row.repository, *row.aliases) if one}:
            return Named(row, stored, "/" in name)
    return None


def short_name(name: str) -> Model | None:
    """The row of a short name: no repository and no path."""
    named = None if "/" in name or "\\" in name else find_model(name)
    return named.model if named and named.quantization is None else None


def similar_models(name: str) -> list[str]:
    """At most three short names that look like `name`, best first."""
    from difflib import get_close_matches

    names = {said_by(row.name).bare: row.name for row in models()}
    wanted = said_by(name).bare
    begin = [key for key in names if wanted and key.startswith(wanted)]
    near = get_close_matches(wanted, names, n=3, cutoff=0.6)
    return [names[key] for key in dict.fromkeys([*begin, *near])][:3]
